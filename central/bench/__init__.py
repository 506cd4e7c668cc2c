"""How much the centre takes in, and how fast: `python -m central bench`."""
