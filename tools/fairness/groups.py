"""Shares by group, with how sure they are, and who is worst off. Pure.

A share's interval is Wilson's (1927), which stays within 0 and 1 and is right for small groups too; that of a
difference between two groups is Newcombe's (1998, method 10), made from the two.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

Z = 1.96  # 95%
FEWEST = 30  # faces; a smaller group is shown but is never called the worst

Bools = npt.NDArray[np.bool_]


def by_group(right: Bools, names: Sequence[str]) -> dict[str, Any]:
    """{"groups": {name: row}, "worst": {group, share, others, gap, gap_interval}}.

    A row has the faces, the share that is right and its interval. The worst group is held against all the others
    together; `gap` is how much less is right in it, with an interval that lies above 0 if that is no chance.
    """
    groups = np.asarray(names)
    rows = {name: row(right[groups == name]) for name in sorted(set(names), key=_order)}
    large = {name: one for name, one in rows.items() if one["faces"] >= FEWEST}
    if len(large) < 2:
        return {"groups": rows, "worst": None}
    name = min(large, key=lambda one: large[one]["share"])
    rest = row(right[groups != name])
    gap = rest["share"] - large[name]["share"]
    worst = {"group": name, "share": large[name]["share"], "others": rest["share"], "gap": round(gap, 4)}
    return {"groups": rows, "worst": worst | {"gap_interval": difference(rest, large[name])}}


def row(right: Bools) -> dict[str, Any]:
    low, high = wilson(int(right.sum()), len(right))
    share = float(right.mean()) if len(right) else 0.0
    return {"faces": len(right), "share": round(share, 4), "interval": [round(low, 4), round(high, 4)]}


def wilson(right: int, count: int) -> tuple[float, float]:
    """The 95% interval of a share; all of 0 to 1 for none."""
    if not count:
        return 0.0, 1.0
    share, shrink = right / count, 1 + Z**2 / count
    middle = (share + Z**2 / (2 * count)) / shrink
    reach = Z / shrink * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2))
    return max(0.0, middle - reach), min(1.0, middle + reach)


def difference(better: dict[str, Any], worse: dict[str, Any]) -> list[float]:
    """The 95% interval of the first share less the second, of two rows."""
    gap = better["share"] - worse["share"]
    below = math.hypot(better["share"] - better["interval"][0], worse["interval"][1] - worse["share"])
    above = math.hypot(better["interval"][1] - better["share"], worse["share"] - worse["interval"][0])
    return [round(gap - below, 4), round(gap + above, 4)]


def _order(name: str) -> tuple[int, str]:
    """Ages by their number, "more than 70" last; other names by the alphabet."""
    digits = name.split("-")[0]
    return (int(digits), "") if digits.isdecimal() else (999, name)
