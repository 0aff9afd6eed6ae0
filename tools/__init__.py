"""What runs on a workstation: training, quantising, measuring, replaying. The device needs nothing of it.

The files here are the commands; `python tools/NAME.py --help` tells each. What they are made of:

    labelled/    reading faces that people labelled: with emotions, with boxes
    model/       a float model becomes the int8 file and card that the device accepts
    emotion/     the emotion model: training, the hard set, measuring
    faces/       the face detector: training, the hard set, measuring
    music/       the music mood model: training, measuring
    tracks/      synthetic plays and films that the tracker is measured on
    fairness/    who is found and read worse than others
    smoothing/   synthetic hours that the smoothing of moods is measured on
    recommend/   synthetic listeners on whom the choice of songs is measured
    quantising/  what quantize.py does to somebody's own float model
    replaying/   what replay.py found, in words and as a picture
    people/      the people of the demo: render_demo.py films them
    songs/       the music of the demo: render_demo.py plays it
    image/       what build_image.py is made of: Affetto put into a system's image
    vm/          the whole appliance in an emulated computer, looked at from outside: python -m tools.vm

What measures a subject is always `<subject>/measure.py`, which evaluate.py calls. `labelled` and `model` know none of
the others; `smoothing` and `quantising` know `emotion`, `fairness` knows how `faces` pastes faces; else no subject
knows another.
"""
