"""Simulated cameras, for tests and the demo."""
