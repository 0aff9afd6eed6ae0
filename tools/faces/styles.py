"""What training scenes look like: the camera's whole frame, and close parts of it with small faces. Pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

HEIGHT_PX, WIDTH_PX = 240, 320


@dataclass(frozen=True, slots=True)
class Style:
    """What scenes look like: their size in pixels, the shares of sources in each layer, and the main face.

    `large_share` of the main faces get a width of `large_px`, the others of `small_px`. No stored picture is enlarged
    more than `most_zoom` times, where nothing is left to see; a main face is `chosen_px` wide as stored. `crowded`
    styles draw pictures the more often, the more such faces they have. `spoiled_share` of the scenes go through
    tools/faces/light.py, `night_share` of them as if at night. A style without `ground` or `extra` has no such layer:
    the picture stands on gray alone.
    """

    height: int
    width: int
    main: Mapping[str, float]
    ground: Mapping[str, float]
    extra: Mapping[str, float]
    small_px: tuple[float, float]
    large_px: tuple[float, float]
    large_share: float
    most_zoom: float
    chosen_px: tuple[float, float]
    crowded: bool
    spoiled_share: float
    night_share: float


WHOLE = Style(
    height=HEIGHT_PX,
    width=WIDTH_PX,
    main={
        "wider": 0.42,
        "ilc_masks": 0.2,
        "kf_masks": 0.04,
        "video": 0.06,
        "portrait": 0.05,
        "masked": 0.05,
        "empty": 0.18,
    },
    ground={"wider": 0.4, "ilc_masks": 0.15, "empty": 0.45},
    extra={"portrait": 0.25, "video": 0.2, "masked": 0.15, "ilc_masks": 0.15, "wider": 0.05, "empty": 0.2},
    small_px=(10.0, 90.0),
    large_px=(50.0, 200.0),
    large_share=0.25,
    most_zoom=2.4,
    chosen_px=(5.0, math.inf),
    crowded=False,
    spoiled_share=1.0,
    night_share=0.12,
)
"""The camera's frame, with all that may stand in it."""

CLOSE = Style(
    height=128,
    width=160,
    main={"wider": 0.6, "ilc_masks": 0.18, "kf_masks": 0.02, "empty": 0.2},
    ground={},
    extra={},
    small_px=(15.0, 45.0),
    large_px=(40.0, 90.0),
    large_share=0.2,
    most_zoom=1.8,
    chosen_px=(8.0, 110.0),
    crowded=True,
    spoiled_share=0.35,
    night_share=0.12,
)
"""A part of a real scene with small faces in it as sharp as cameras see them: a quarter of the frame's work."""

DARK = replace(
    CLOSE,
    main={"wider": 0.45, "ilc_masks": 0.1, "video": 0.1, "portrait": 0.15, "empty": 0.2},
    small_px=(18.0, 60.0),
    large_px=(50.0, 110.0),
    chosen_px=(8.0, math.inf),
    spoiled_share=1.0,
    night_share=0.75,
)
"""The same in rooms with little light, with larger faces too."""
