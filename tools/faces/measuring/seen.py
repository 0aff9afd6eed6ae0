"""What a face detector saw in every picture that it is measured on, and all figures of that but its time.

The detector is asked once for each picture, down to a very low score; figures, curves and sheets come from there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from device.domain import Face
from tools.faces.hard.kinds import KINDS
from tools.faces.measuring.matching import (
    SIZE_BANDS_PX,
    UNMASKED,
    Match,
    by_width,
    compare,
    count_alarms,
    in_band,
    recall,
    summary,
    threshold_for,
)
from tools.faces.measuring.peers import THRESHOLDS, Find
from tools.faces.measuring.sets import Sets
from tools.labelled.boxes import Picture

REFERENCE = "yunet_n"  # whose false alarms set the rate at which recall on the hard set is compared
RATES = (0.01, 0.03, 0.1, 0.3, 1.0)  # false boxes a picture

Counted = Callable[[Sequence[Picture]], Iterable[Picture]]
Looked = Sequence[tuple[Picture, Sequence[Face]]]


@dataclass(frozen=True, slots=True)
class Seen:
    """Every picture of `Sets` with the faces that a detector found in it."""

    people: Looked
    backgrounds: Looked
    hard: Looked = ()

    def kinds(self) -> dict[str, list[Match]]:
        """The matches of the hard set by kind."""
        return {kind: match([one for one in self.hard if one[0].source == kind]) for kind in KINDS}

    def everything(self) -> list[Match]:
        """Matches of the split's pictures, with faces and without."""
        return match([*self.people, *self.backgrounds])

    def alarms(self) -> list[Match]:
        """Matches of everything that counts for false alarms when detectors are compared."""
        return [*match(self.backgrounds), *match(self.hard)]


def look(find: Find, sets: Sets, counted: Counted = lambda pictures: pictures) -> Seen:
    """Show every picture to the detector; `counted` wraps them to tell how far it is."""
    parts = (sets.people, sets.backgrounds, sets.hard)
    faces = iter([find(picture.gray) for picture in counted([picture for part in parts for picture in part])])
    return Seen(*([(picture, next(faces)) for picture in part] for part in parts))


def match(looked: Looked) -> list[Match]:
    """Detections and missed faces of many pictures."""
    return [one for picture, found in looked for one in compare(found, picture.labels, tags(picture))]


def tags(picture: Picture) -> tuple[str, ...]:
    """By what its faces are counted: where it comes from, and whether it is dim."""
    return (picture.source, *({"dim"} & set(picture.tags)))


def judge(find: Find, sets: Sets, threshold: float) -> dict[str, Any]:
    """All figures of one detector but its time; `find` should find down to a far lower score than the threshold."""
    return count(look(find, sets), threshold)


def count(seen: Seen, threshold: float) -> dict[str, Any]:
    """All figures of what one detector saw, as plain JSON values."""
    whole = summary(match(seen.people), threshold)
    surest = [max((face.score for face in found), default=0.0) for _, found in seen.backgrounds]
    figures: dict[str, Any] = {
        **{key: whole[key] for key in ("faces", "ap", "recall")},
        "false_alarms_beside_faces": whole["false_alarms"],
        "false_alarms": {"count": sum(score >= threshold for score in surest), "pictures": len(surest)},
        "landmark_error": whole["landmark_error"],
        "by_width_px": whole["by_width_px"],
    }
    figures["at_false_boxes"] = at_false_boxes(seen)
    if seen.hard:
        figures["hard"] = summary(match(seen.hard), threshold)
        figures["hard"]["kinds"] = {kind: summary(matches, threshold) for kind, matches in seen.kinds().items()}
    return figures


def at_false_boxes(seen: Seen) -> dict[str, dict[str, Any]]:
    """Recall where there are so many false boxes a picture: of all faces of the split, and by group."""
    matches, pictures = seen.everything(), len(seen.people) + len(seen.backgrounds)
    rows = {}
    for rate in RATES:
        threshold = threshold_for(matches, int(rate * pictures))
        rows[f"{rate:g}"] = {"threshold": threshold, "recall": recall(matches, threshold), **groups(matches, threshold)}
    return rows


def groups(matches: Sequence[Match], threshold: float) -> dict[str, dict[str, Any]]:
    """Recall by mask, light and source, and by the width of unmasked faces; groups without faces are left out."""
    faces = [one for one in matches if one.width_px is not None]
    parts = {tag: [one for one in faces if tag in one.tags] for tag in sorted({t for one in faces for t in one.tags})}
    plain = [one for one in faces if UNMASKED in one.tags]
    parts |= {f"{low}-{high} px": in_band(plain, low, high) for low, high in SIZE_BANDS_PX}
    return {
        "groups": {name: {"faces": len(p), "recall": recall(p, threshold)} for name, p in parts.items() if p},
    }


def at_equal_alarms(all_seen: Mapping[str, Seen]) -> dict[str, dict[str, Any]]:
    """Recall on the hard set at the threshold that gives each detector as many false alarms as the reference.

    False alarms are counted in backgrounds and hard set together; boxes that miss a face by too much are among them.
    Nothing without the reference or the hard set.
    """
    if REFERENCE not in all_seen or not all_seen[REFERENCE].hard:
        return {}
    allowed = count_alarms(all_seen[REFERENCE].alarms(), THRESHOLDS[REFERENCE])
    return {name: _at_alarms(seen, allowed) for name, seen in all_seen.items()}


def _at_alarms(seen: Seen, allowed: int) -> dict[str, Any]:
    threshold = threshold_for(seen.alarms(), allowed)
    hard = match(seen.hard)
    return {
        "false_alarms_allowed": allowed,
        "threshold": threshold,
        "recall": recall(hard, threshold),
        "kinds": {kind: recall(matches, threshold) for kind, matches in seen.kinds().items()},
        "by_width_px": {band: part["recall"] for band, part in by_width(hard, threshold).items()},
    }
