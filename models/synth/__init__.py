"""Rendered licence plates and street scenes with exact truth.

The flow, each stage one module::

    patterns -> plates (glyphs) -> scene: vehicles + background + traffic -> frame -> weather
                                                          |                     |
                                                        truth                clips / training sets

Everything is drawn by numpy and OpenCV from a seed: no photograph, no borrowed glyph, no third-party mesh.
"""
