"""The people of the demo, who do not exist: drawn from numbers, so that pictures of them may be shipped.

    cast     identities and expressions, as plain numbers
    face     a person with an expression: where the features are, in millimetres
    relief   the depth of a head      paint    the tones of skin, lips, eyes      hair     strands and haircuts
    light    how light falls on it    head     all of these as one picture
    photo    people in a room, as its camera sees them
    script   who enters, and what their faces do
    clip     the script as a film: device/demo/people.webm

`python tools/render_demo.py` films the script. Nothing here knows of models, cameras or players.
"""
