"""`affetto demo`: the whole program on people who do not exist, music that nobody recorded, and a broker of its own.

`python tools/render_demo.py` made the clip and the songs from code; the demo looks at the clip with the real camera,
detector and emotion model. A leaf: names only.
"""

from pathlib import Path

PEOPLE = Path(__file__).with_name("people.webm")
MUSIC = Path(__file__).with_name("music")
"""Songs in folders that are named after moods."""
