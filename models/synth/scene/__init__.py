"""A street seen by a camera on a pole: a small software renderer and what it draws.

World axes: x to the right across the road, y along it away from the camera, z up; metres. A vehicle has the
same axes with its front at +y. Files: ``camera`` (pinhole), ``mesh`` and ``raster`` (polygons to pixels),
``light`` (day, dusk, infrared night), ``cars``, ``heavies``, ``motorcycles`` and ``skins`` (vehicles),
``ground``, ``facades``, ``trees`` and ``street`` (background), ``traffic`` (who drives when), ``weather``
(rain, dirt, glare, noise), ``frame`` (puts it together) and ``truth``.
"""
