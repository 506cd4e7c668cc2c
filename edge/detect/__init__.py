"""Where the plates are in a frame."""
