"""Training, export and measurement of the models, and the generator of rendered plates; not installed."""
