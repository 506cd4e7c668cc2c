"""The second look at a proposed box: is it a plate, where exactly, and what bears it."""
