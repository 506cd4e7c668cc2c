"""Frames from cameras and recordings."""
