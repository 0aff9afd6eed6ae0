"""Processes of their own for files that anybody may have made: one that reads tags and covers, one that analyses.

`Worker` and `Reader` are the conductor's ends; `worker_main` and `reader_main` run in the child, `low_priority` limits
it. `DialledWorker` reaches the same analysis as a service of systemd's; `Covers` is the thread that asks for covers.
"""
