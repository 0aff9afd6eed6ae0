"""Measure the face detector: AP by size, recall, false alarms, landmarks, time; with --peers beside others.

    python tools/evaluate.py faces --data DIR --split valid --json

AP, recall and landmarks come from the split's pictures with faces, false alarms from pictures without; the same
again, by the width of the faces, from made-up crowds (`scenes`) and from a hard set of crowds, darkness, blur, turned
heads and masks (`hard`). tools/face_sets.py and tools/face_hard.py say what these are. With --peers every figure also
stands there for YuNet and BlazeFace, and `equal_alarms` compares recall where all make as many false alarms as YuNet
does at its authors' threshold. --plots draws curves, and sheets of the worst mistakes;
--emotion proves that a face found in a scene is read as well as one given directly (tools/face_chain.py).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rich.console import Console
from rich.progress import track

from device.perception.emotion import EmotionClassifier
from device.perception.faces import FaceDetector
from tools.emotion_data import read_split
from tools.face_chain import measure_chain
from tools.face_clock import clock, clock_together
from tools.face_data import Picture
from tools.face_hard import A_KIND
from tools.face_matching import SURE_ENOUGH, overlap
from tools.face_peers import THRESHOLDS, Find, open_peers
from tools.face_seen import REFERENCE, Seen, at_equal_alarms, count, judge, look
from tools.face_sets import HEIGHT_PX, SCENES, WIDTH_PX, Sets, fit, read_sets
from tools.face_targets import Label

__all__ = ["HEIGHT_PX", "LOWEST_SCORE", "SCENES", "WIDTH_PX", "Sets", "clock", "judge", "read_sets", "table", "watch"]

COLUMNS = (8, 8, 10, 11, 8, 7, 9, 11)  # widths of the first table
LOWEST_SCORE = 0.02  # AP looks at the whole curve, not only above the shipped threshold


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--peers", type=Path, metavar="DIR", help="folder with YuNet and BlazeFace, to measure beside")
    parser.add_argument("--video", type=Path, metavar="FILE", help="also the share of this video's frames with a face")
    parser.add_argument("--emotion", type=Path, metavar="DIR", help="labelled faces to paste, find and read again")
    parser.add_argument("--plots", type=Path, metavar="DIR", help="draw curves and the worst mistakes into this folder")
    parser.add_argument("--scenes", type=int, default=SCENES, help=f"made-up crowds (default: {SCENES}; 0 for none)")
    parser.add_argument("--hard", type=int, default=A_KIND, help=f"pictures a hard kind (default: {A_KIND})")


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    """Everything as one JSON object; progress goes to stderr."""
    console = Console(stderr=True)
    with console.status("reading and composing pictures"):
        sets = read_sets(arguments.data, arguments.split, arguments.scenes, arguments.hard)
    shipped = FaceDetector.load(arguments.models)
    thresholds = {"ours": shipped.threshold} | THRESHOLDS
    seen = look_all(arguments, sets, console)
    rows = {name: {"threshold": thresholds[name], **count(one, thresholds[name])} for name, one in seen.items()}
    at_equal = at_equal_alarms(seen)
    for name, times in clock_together(fast(arguments, shipped), [*sets.hard, *sets.scenes, *sets.people]).items():
        rows[name] |= times | ({"equal_alarms": at_equal[name]} if at_equal else {})
    if arguments.plots:
        draw(arguments.plots, seen, rows)
    figures: dict[str, Any] = {"split": arguments.split, **rows.pop("ours")}
    figures["size_bytes"] = (arguments.models / "face_detector.tflite").stat().st_size
    figures |= {"peers": rows} if rows else {}
    if arguments.emotion:
        figures["chain"] = prove_chain(arguments, shipped, sets, console)
    if arguments.video:
        yunet = open_peers(arguments.peers).get(REFERENCE) if arguments.peers else None
        figures["video"] = watch(arguments.video, shipped.find, yunet)
    return figures


def look_all(arguments: argparse.Namespace, sets: Sets, console: Console) -> dict[str, Seen]:
    """What ours and each peer see in all pictures, down to a score far below their thresholds."""
    finds: dict[str, Find] = {"ours": FaceDetector.load(arguments.models, threshold=LOWEST_SCORE).find}
    finds |= open_peers(arguments.peers, LOWEST_SCORE) if arguments.peers else {}

    def counted(name: str, pictures: Sequence[Picture]) -> Iterable[Picture]:
        return track(pictures, f"{name:<10}", console=console, transient=True)

    return {name: look(find, sets, partial(counted, name)) for name, find in finds.items()}


def draw(folder: Path, seen: Mapping[str, Seen], rows: Mapping[str, Mapping[str, Any]]) -> None:
    """Curves of all detectors and sheets of our own mistakes."""
    from tools import face_plots, face_sheets  # measuring without drawing needs no matplotlib

    face_plots.draw(folder, seen, rows)
    face_sheets.draw_misses(seen["ours"], rows["ours"]["threshold"], folder / "misses.png")
    face_sheets.draw_alarms(seen["ours"], folder / "false_alarms.png")


def prove_chain(arguments: argparse.Namespace, detector: FaceDetector, sets: Sets, console: Console) -> dict[str, Any]:
    """Emotions of labelled faces found in scenes, against the same faces given directly."""
    classifier = EmotionClassifier.load(arguments.models)
    faces = read_split(arguments.emotion, arguments.split)
    counted = partial(track, description="chain     ", console=console, transient=True)
    return measure_chain(detector.find, classifier.scores, faces, sets.backgrounds, counted)


def fast(arguments: argparse.Namespace, shipped: FaceDetector) -> dict[str, Find]:
    """The detectors at their own thresholds, as somebody would run them."""
    return {"ours": shipped.find, **(open_peers(arguments.peers) if arguments.peers else {})}


def table(figures: Mapping[str, Any]) -> str:
    """The figures as lines for a person."""
    rows = {"ours": figures, **figures.get("peers", {})}
    titles = ("AP@0.5", "recall", "alarms", "landmarks", "ms p50", "p95", "on core", "scenes AP")
    lines = [" " * 11 + "".join(f"{title:>{wide}}" for title, wide in zip(titles, COLUMNS, strict=True))]
    for name, row in rows.items():
        alarms = f"{row['false_alarms']['count']}/{row['false_alarms']['pictures']}"
        ms, scenes = row["milliseconds"], row.get("scenes", {}).get("ap", float("nan"))
        lines.append(
            f"{name:<11}{row['ap']:>8.4f}{row['recall']:>8.4f}{alarms:>10}{row['landmark_error']:>11.2%}"
            f"{ms['p50']:>8.2f}{ms['p95']:>7.2f}{ms['cpu_p50']:>9.2f}{scenes:>11.4f}"
        )
    if "hard" in figures:
        lines += ["", *_hard_lines(rows)]
    size = f"{figures['size_bytes'] / 1000:.0f} KB"
    lines += ["", f"threshold {figures['threshold']:.2f}, {size}, faces {figures['faces']}"]
    if "chain" in figures:
        lines += ["", *_chain_lines(figures["chain"])]
    if "video" in figures:
        lines.append("video: " + ", ".join(f"{key} {value}" for key, value in figures["video"].items()))
    return "\n".join(lines)


def _hard_lines(rows: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    """The hard set: a column a detector, each with AP, recall at its threshold, and at equal false alarms."""
    yield f"{'hard set':<11}{'faces':>6}  " + "".join(f"{name:^26}" for name in rows)
    yield f"{'':<19}" + "".join(f"{'AP':>8}{'recall':>8}{'equal':>8}  " for _ in rows)
    first = next(iter(rows.values()))["hard"]
    for part in ("kinds", "by_width_px"):
        for key, figures in first[part].items():
            equal = [row.get("equal_alarms", {}).get(part, {}).get(key) for row in rows.values()]
            cells = [_cell(row["hard"][part][key], one) for row, one in zip(rows.values(), equal, strict=True)]
            yield f"{key:<11}{figures['faces']:>6}  " + "".join(cells)
    cells = [_cell(row["hard"], row.get("equal_alarms", {}).get("recall")) for row in rows.values()]
    yield f"{'all':<11}{first['faces']:>6}  " + "".join(cells)
    yield f"{'alarms':<19}" + "".join(f"{row['hard']['false_alarms']:>16}{'':>10}" for row in rows.values())


def _chain_lines(chain: Mapping[str, Any]) -> Iterator[str]:
    yield "emotions of pasted faces   found   direct   placed   read   points apart   misses wrong"
    for side, row in [*chain["by_side_px"].items(), ("all", chain)]:
        apart = "-" if row["difference_points"] is None else f"{row['difference_points']:+.2f}"
        yield (
            f"{side + ' px' if side != 'all' else side:>10} {row['faces']:>7} faces {row['share_found']:>12.2%} "
            f"{row['accuracy_direct_of_found'] or 0:>8.2%} {row['accuracy_placed'] or 0:>8.2%} "
            f"{row['accuracy_found'] or 0:>7.2%} {apart:>10} {row['accuracy_misses_wrong'] or 0:>14.2%}"
        )
    if chain["framing"]:
        pairs = ((key, chain["framing"]["used"][key], value) for key, value in chain["framing"]["measured"].items())
        yield "framing, measured (used): " + ", ".join(f"{key} {value} ({used})" for key, used, value in pairs)


def _cell(figures: Mapping[str, Any], equal: float | None) -> str:
    return f"{figures['ap']:>8.3f}{figures['recall']:>8.3f}" + ("       -  " if equal is None else f"{equal:>8.3f}  ")


# --- Video -----------------------------------------------------------------------------------------------------


def watch(video: Path, find: Find, peer: Find | None) -> dict[str, Any]:
    """The share of frames with a face; with a peer, also the share where both draw the same box (IoU 0.5)."""
    capture = cv2.VideoCapture(str(video))
    frames = with_face = agreed = both = 0
    while True:
        more, picture = capture.read()
        if not more:
            break
        frames += 1
        gray = fit(Picture(video.name, "video", np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2GRAY)), ())).gray
        faces = find(gray)
        with_face += bool(faces)
        others = [face for face in peer(gray) if face.score >= THRESHOLDS[REFERENCE]] if peer else []
        if others:
            both += 1
            box = np.array([others[0].x, others[0].y, others[0].w, others[0].h], np.float32)
            agreed += any(overlap(face, Label(box, np.zeros((5, 2), np.float32))) >= SURE_ENOUGH for face in faces)
    if not frames:
        raise ValueError(f"{video} cannot be read as a video.")
    shares: dict[str, Any] = {"frames": frames, "share_with_face": round(with_face / frames, 4)}
    if peer:
        shares |= {"frames_of_peer": both, "share_agreed": round(agreed / max(1, both), 4)}
    return shares
