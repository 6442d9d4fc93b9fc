"""Executables: parse the command line, build, call."""
