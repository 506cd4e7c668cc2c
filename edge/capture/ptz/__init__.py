"""Cameras that turn: the guard tour, the device that is turned, and which frames may be read meanwhile."""
