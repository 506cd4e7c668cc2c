"""Clips: which the centre asks of its edges, and what came of it; their parts lie in the packs of the pictures."""
