"""Rigid motions, pinhole cameras and the image Jacobian: the mathematics that all other parts share."""
