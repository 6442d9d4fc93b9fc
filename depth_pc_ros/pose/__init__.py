"""Relative pose of goal and live camera: robust solver, candidate poses, keyframes, frozen depths."""
