"""A listed vehicle has passed: who must know, and what they see."""
