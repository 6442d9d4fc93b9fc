"""Measurements: how fast and how exactly the servo works."""
