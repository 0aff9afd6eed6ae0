"""The music of the demo, which nobody recorded: composed and synthesised from numbers, so that it may be shipped.

    album    the songs: key, tempo, chords, instruments      score    from chords to the notes of every part
    synth    instruments as formulas                          master   room, echo, loudness, limiter
    record   a song as a tagged Opus file: device/demo/music/MOOD/TITLE.opus

`python tools/render_demo.py` writes them.
"""
