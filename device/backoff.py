"""How long to wait before the next try of something that failed. Pure; a leaf, shared by everything that reconnects."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Waits that double from `first_s` to `longest_s` with each failure in a row. They start again from `first_s` only
    after something held for `healthy_s`: a success that lasts a moment resets nothing."""

    first_s: float = 1.0
    longest_s: float = 300.0
    healthy_s: float = 60.0

    def after(self, failures: int) -> float:
        """The wait in seconds after so many failures in a row (1 or more)."""
        return min(self.first_s * 2.0 ** min(failures - 1, 32), self.longest_s)

    def count(self, failures: int, held_s: float) -> int:
        """The failures in a row, after one more of something that held for `held_s` seconds (0: it never began)."""
        return 1 if held_s >= self.healthy_s else failures + 1
