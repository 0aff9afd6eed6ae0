"""`affetto demo`: the whole program with rendered people, synthesised music and a private broker.

`python tools/render_demo.py` made the clip and the songs from code; the demo looks at the clip with the real camera,
detector and emotion model. A leaf: names only.
"""

from pathlib import Path

PEOPLE = Path(__file__).with_name("people.webm")
MUSIC = Path(__file__).with_name("music")
"""Songs in folders that are named after moods."""
