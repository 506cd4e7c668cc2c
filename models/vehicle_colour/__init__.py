"""The vehicle's colour: labels made by eye, the fit, and what came out (card.md)."""
