"""The plate detector: one class, `plate`, trained by `train.py` as `recipe.yaml` says and shipped as `plate.*`."""
