"""Processes of their own for files that anybody may have made: one reads tags and covers, one analyses.

`AnalysisClient` and `TagClient` are the conductor's ends. `analysis_process` and `tag_process` run in the child, and
`limits` limits it. `SocketAnalysisClient` reaches the same analysis as a service of systemd. `Covers` is the thread
that asks for covers.
"""
