"""Replay: the pipeline of a live camera over a recording or a folder of pictures, with annotated copies."""
