"""Separate processes for files that may be hostile: one reads tags and covers, one analyses.

`client` sends requests, `process` answers them, `protocol` defines the messages, and `limits` bounds the process.
`TagClient` and `AnalysisClient` talk to `tag_process` and `analysis_process`; `SocketAnalysisClient` reaches the latter
as a service of systemd. `Covers` is the thread that requests covers.
"""
