"""What the demo shows and plays: people who do not exist and music nobody recorded.

Everything here is drawn or synthesised by this code from numbers, so that it may be shipped; nothing here knows of
models, cameras or players. The demo looks at the pictures with the real camera, detector and emotion model.
"""
