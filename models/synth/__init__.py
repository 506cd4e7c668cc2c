"""Rendered licence plates and street scenes with exact truth.

The flow, each stage one module::

    patterns -> plates (glyphs) -> scene: vehicles + background + traffic -> frame -> weather
                  |                                       |                     |
                  |                                     truth                clips / training sets
                  +-> replate (quads, likeness, sheets): real scenes of the training set, plates painted over
    signs (words) -> negatives: lettering that is no plate
    patterns -> testplates (testglyphs) -> testcamera -> testset: what no training may import or see

Everything is drawn by numpy and OpenCV from a seed: no borrowed glyph, no third-party mesh. Only what `replate` and
`negatives` are told to paint upon are photographs, and what they write stays outside the repository.
"""
