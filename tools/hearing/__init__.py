"""Whether the analyser knows music from other sounds, on sounds made here and on real clips."""
