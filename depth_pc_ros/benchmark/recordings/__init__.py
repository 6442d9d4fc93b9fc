"""Recordings of real cameras: a reader per format, one interface."""
