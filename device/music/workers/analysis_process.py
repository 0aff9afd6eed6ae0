"""The process of AnalysisClient: `python -m device.music.workers.analysis_process --models DIR --fd N`.

Not for manual use. It has the lowest priority on the machine; process.py explains how it works.
"""

from __future__ import annotations

import sys
from pathlib import Path

from device.music.workers import process
from device.music.workers.limits import lower_priority, use_one_thread


def main() -> int:
    """Serve until the client closes the connection."""
    parser = process.parser("Analyses music files for Affetto.", cpu_s=60, memory_mb=400)
    parser.add_argument("--models", type=Path, required=True)
    arguments = parser.parse_args()
    lower_priority()
    use_one_thread()
    return process.run(arguments, lambda: jobs(arguments.models))


def jobs(models_dir: Path) -> process.Jobs:
    """What a client can ask for, by name. Loads the model; raises ModelError."""
    from device.music.analysis import MoodAnalyser

    analyser = MoodAnalyser.load(models_dir)
    return {"analyse": analyser.analyse}


if __name__ == "__main__":
    sys.exit(main())
