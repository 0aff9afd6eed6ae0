"""pip, as if it ran on another machine: `python elsewhere.py ANSWERS download ...`, with the other one's answers to the
conditions of requirements as a JSON object.

pip has no option for that. This replaces the one function that it asks, in its copy of the library `packaging`: so it
was in pip 23 to 26, and a test holds it. A process of its own, run by wheels.py.
"""

from __future__ import annotations

import json
import sys

from pip._internal.cli.main import main
from pip._vendor.packaging import markers

if __name__ == "__main__":
    answers: dict[str, str] = json.loads(sys.argv[1])
    markers.default_environment = lambda: dict(answers)
    sys.exit(main(sys.argv[2:]))
