"""The vehicles that are looked for."""
