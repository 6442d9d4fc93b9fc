"""Keypoints and their matches; depth."""
