"""Processes of their own for files that anybody may have made: one reads tags and covers, one analyses.

`client` is the end that asks, `process` the end that answers, `protocol` what they say, `limits` what the process may
use. `TagClient` and `AnalysisClient` ask `tag_process` and `analysis_process`; `SocketAnalysisClient` reaches the
latter as a service of systemd. `Covers` is the thread that asks for covers.
"""
