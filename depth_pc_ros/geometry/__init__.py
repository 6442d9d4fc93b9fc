"""Rigid motions, pinhole cameras and the image Jacobian: the maths every other part shares."""
