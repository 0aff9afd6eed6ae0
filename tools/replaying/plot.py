"""Draws a replay: one time axis, and from top to bottom frames, mood, raw scores, smoothed scores, plane,
songs with reactions, and faces.

Only tools/replay.py uses it; needs matplotlib.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import groupby, pairwise
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import FuncFormatter, MaxNLocator

from device.core.reactions import MINUTE_S
from device.domain import EMOTIONS, Emotion, MoodName, Reading
from tools.replaying.recording import Replay, Step
from tools.replaying.report import clock

INK, FAINT, GRID = "#22262b", "#767d86", "#e7e9ec"
LIKED, DISLIKED = "#2e8b57", "#c4372f"

ROWS = ("mood", "emotions,\neach frame", "emotions,\nsmoothed", "the mood's\nplace", "songs and\nreactions", "faces")
EMOTION_COLOURS = {
    Emotion.NEUTRAL: "#c9cdd2",
    Emotion.HAPPINESS: "#f4b92f",
    Emotion.SURPRISE: "#ef8354",
    Emotion.SADNESS: "#4a7fb5",
    Emotion.ANGER: "#c4372f",
    Emotion.DISGUST: "#6f9e4c",
    Emotion.FEAR: "#7d55a8",
    Emotion.CONTEMPT: "#94735a",
}
MOOD_COLOURS = {
    MoodName.HAPPY: "#f4b92f",
    MoodName.EXCITED: "#ef8354",
    MoodName.CALM: "#74bfa9",
    MoodName.NEUTRAL: "#c9cdd2",
    MoodName.SAD: "#4a7fb5",
    MoodName.TENSE: "#7d55a8",
    MoodName.ANGRY: "#c4372f",
}
ON_MOOD = dict.fromkeys((MoodName.SAD, MoodName.TENSE, MoodName.ANGRY), "white")  # what can be read on the dark ones
PICTURES = 8
ASPECT = 4 / 3  # of the pictures shown
WIDTH_IN, HEIGHT_IN, DPI = 15.0, 10.6, 110


def draw(done: Replay, out: Path) -> None:
    """Write the picture of `done` to `out` (PNG, SVG or PDF)."""
    figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DPI, facecolor="white")
    rows = figure.add_gridspec(
        7, 1, left=0.085, right=0.865, top=0.91, bottom=0.06, hspace=0.2, height_ratios=[2.1, 0.55, 3, 3, 2.2, 0.9, 1.5]
    )
    for place, cell in enumerate(list(rows[0].subgridspec(1, PICTURES, wspace=0.06))):
        draw_picture(figure.add_subplot(cell), done, (place + 0.5) / PICTURES)
    mood, raw, smooth, plane, reactions, faces = axes = [figure.add_subplot(row) for row in list(rows)[1:]]
    heading(figure, done)
    draw_mood(mood, done)
    draw_scores(raw, done, [raw_scores(step, done.config.mood.certainty) for step in done.steps])
    draw_scores(smooth, done, [step.mood.scores for step in done.steps])
    raw.legend(
        handles=[Patch(color=EMOTION_COLOURS[emotion], label=emotion) for emotion in reversed(EMOTIONS)],
        loc="center left",
        bbox_to_anchor=(1.012, -0.1),  # between the two rows that it explains
        frameon=False,
        fontsize=9,
        labelcolor=INK,
    )
    draw_plane(plane, done)
    draw_reactions(reactions, done)
    draw_faces(faces, done)
    for one, name in zip(axes, ROWS, strict=True):
        finish(one, done, name)
    for one in axes[:-1]:
        one.tick_params(labelbottom=False)
    faces.set_xlabel("time in the recording", color=FAINT, fontsize=9)
    figure.savefig(out)


def heading(figure: Figure, done: Replay) -> None:
    moods = ",  ".join(f"{name} {seconds:.1f} s" for name, seconds in done.seconds().items())
    count = len(done.switches)
    figure.text(0.085, 0.965, done.name, fontsize=17, fontweight="bold", color=INK)
    figure.text(
        0.085,
        0.94,
        f"{done.length_s:.1f} s, {len(done.steps)} frames looked at, a face that counts in {done.face_share():.0%}"
        f"    ·    {moods}    ·    {count} change{'' if count == 1 else 's'} of mood",
        fontsize=10.5,
        color=FAINT,
    )
    mood = done.config.mood
    lines = [
        ("camera.fps", done.config.camera.fps),
        ("mood.hold_s", mood.hold_s),
        ("mood.dwell_s", mood.dwell_s),
        ("mood.margin", mood.margin),
        ("mood.certainty", mood.certainty),
        ("mood.forget_s", mood.forget_s),
    ]
    figure.text(0.882, 0.972, "settings", fontsize=9, fontweight="bold", color=INK)
    for row, (name, value) in enumerate(lines):
        figure.text(0.882, 0.954 - 0.0165 * row, name, fontsize=8.5, color=FAINT)
        figure.text(0.985, 0.954 - 0.0165 * row, f"{value:g}", fontsize=8.5, color=INK, ha="right")


def draw_picture(axes: Axes, done: Replay, share: float) -> None:
    """The frame at this share of the recording, cut to its faces; they are outlined in the colour of what they show,
    dotted where they do not count."""
    wanted_s = done.steps[0].at_s + share * done.length_s
    reading, gray = min(done.pictures, key=lambda kept: abs(kept[0].at_s - wanted_s))
    rows, columns = gray.shape
    axes.imshow(gray, cmap="gray", vmin=0, vmax=255, interpolation="bicubic")
    for face in reading.faces:
        x, y, width, height = face.box
        colour = EMOTION_COLOURS[EMOTIONS[int(np.argmax(face.scores))]]
        line = "-" if face.certainty >= done.config.mood.certainty else ":"
        place, size = (x * columns, y * rows), (width * columns, height * rows)
        axes.add_patch(Rectangle(place, *size, fill=False, linewidth=1.6, linestyle=line, edgecolor=colour))
    left, right, bottom, top = view(reading, columns, rows)
    axes.set_xlim(left, right)
    axes.set_ylim(bottom, top)
    axes.set_axis_off()
    axes.set_title(clock(reading.at_s), fontsize=8.5, color=FAINT, pad=3)


def view(reading: Reading, columns: int, rows: int) -> tuple[float, float, float, float]:
    """The part of a frame to show, as left, right, bottom and top in pixels: its faces with as much around them, or
    all of it where there is none. Always of the same aspect, as large as the frame at most."""
    boxes = [face.box for face in reading.faces] or [(0.0, 0.0, 1.0, 1.0)]
    left, right = min(x for x, _, _, _ in boxes) * columns, max(x + w for x, _, w, _ in boxes) * columns
    top, bottom = min(y for _, y, _, _ in boxes) * rows, max(y + h for _, y, _, h in boxes) * rows
    around = 1.3 * max(h for _, _, _, h in boxes) * rows
    height = min(max(bottom - top + around, (right - left + around) / ASPECT), rows, columns / ASPECT)
    width = height * ASPECT
    left = min(max((left + right - width) / 2, 0.0), columns - width)
    top = min(max((top + bottom - height) / 2, 0.0), rows - height)
    return left, left + width, top + height, top


def draw_mood(axes: Axes, done: Replay) -> None:
    """The mood as a band of its colours, named where there is room."""
    for name, group in groupby(done.steps, key=lambda step: step.mood.name):
        run = list(group)
        begin, end = run[0].at_s, run[-1].at_s + done.period_s
        axes.axvspan(begin, end, color=MOOD_COLOURS[name], linewidth=0)
        if end - begin > 0.012 * len(name) * done.length_s:
            axes.text((begin + end) / 2, 0.5, name, ha="center", va="center", fontsize=10, color=ON_MOOD.get(name, INK))
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def raw_scores(step: Step, sure: float) -> tuple[float, ...] | None:
    """What the classifier said of this frame: the mean of the faces that count, by certainty; None without any."""
    counting = [face for face in step.reading.faces if face.certainty >= sure]
    if not counting:
        return None
    mean = np.average([face.scores for face in counting], axis=0, weights=[face.certainty for face in counting])
    return tuple(map(float, mean))


def draw_scores(axes: Axes, done: Replay, scores: Sequence[tuple[float, ...] | None]) -> None:
    """Probabilities stacked to 1, in the emotions' colours; a gap where there is none."""
    times = [*(step.at_s for step in done.steps), done.steps[-1].at_s + done.period_s]
    scores = [*scores, scores[-1]]  # the last one has its time as well
    known = np.array([one is not None for one in scores])
    values = np.array([one if one is not None else (0.0,) * len(EMOTIONS) for one in scores]).T
    below = np.zeros(len(times))
    for emotion, share in zip(EMOTIONS, values, strict=True):
        axes.fill_between(
            times, below, below + share, where=known.tolist(), color=EMOTION_COLOURS[emotion], linewidth=0, step="post"
        )
        below = below + share
    axes.set_ylim(0, 1)
    axes.set_yticks([0, 0.5, 1])


def draw_plane(axes: Axes, done: Replay) -> None:
    times = [step.at_s for step in done.steps]
    axes.axhline(0, color=FAINT, linewidth=0.7)
    for label, colour, values in (
        ("valence (pleasant +)", "#2a9d8f", [step.mood.affect.valence for step in done.steps]),
        ("arousal (awake +)", "#b5446e", [step.mood.affect.arousal for step in done.steps]),
    ):
        axes.plot(times, values, color=colour, linewidth=1.8, label=label)
    axes.set_ylim(-1, 1)
    axes.set_yticks([-1, 0, 1])
    legend(axes)


def draw_reactions(axes: Axes, done: Replay) -> None:
    """The songs as bands with the minute that counts, and what people did about them; gray where it does not count."""
    end_s = done.steps[-1].at_s + done.period_s
    for number, (begin_s, until_s) in enumerate(pairwise((*done.songs, end_s)), 1):
        axes.axvspan(begin_s, until_s, ymin=0.02, ymax=0.3, color="#e3e7ec", linewidth=0)
        axes.axvspan(begin_s, min(until_s, begin_s + MINUTE_S), ymin=0.02, ymax=0.3, color="#c7d3df", linewidth=0)
        axes.axvline(begin_s, ymin=0.02, ymax=0.3, color="white", linewidth=3)
        axes.text(begin_s + 0.004 * done.length_s, 0.16, f"song {number}", fontsize=8.5, color=INK, va="center")
    for mark, count in Counter(done.marks).items():
        colour = FAINT if not mark.counts else LIKED if mark.liked else DISLIKED
        axes.plot([mark.at_s], [0.42], marker="v", color=colour, markersize=7, clip_on=False)
        late = mark.at_s > done.steps[0].at_s + 0.93 * done.length_s
        what = mark.what if count == 1 else f"{mark.what} ({count})"
        place = {"ha": "right" if late else "center", "va": "center"}
        box = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # above the lines of the changes of mood
        axes.text(mark.at_s, 0.74, what, **place, fontsize=9, color=colour, bbox=box, zorder=5)
    if not done.marks:
        axes.text(0.5, 0.65, "nobody nodded, smiled or left", transform=axes.transAxes, ha="center", va="center",
                  fontsize=9, color=FAINT)  # fmt: skip
    axes.set_ylim(0, 1)
    axes.set_yticks([])


def draw_faces(axes: Axes, done: Replay) -> None:
    """Each face's certainty as dots, the limit below which it is ignored, and where the eye saw motion."""
    sure = done.config.mood.certainty
    dots = [(step.at_s, face.certainty) for step in done.steps for face in step.reading.faces]
    if dots:
        at_s, certainty = zip(*dots, strict=True)
        colours = ["#3d5a80" if value >= sure else "#b9bec5" for value in certainty]
        axes.scatter(at_s, certainty, s=9, c=colours, linewidth=0, label="certainty of each")
    axes.axhline(sure, color="#3d5a80", linewidth=0.8, linestyle="--", label=f"counts from {sure:g} on")
    axes.plot(
        [step.at_s for step in done.steps],
        [sum(face.certainty >= sure for face in step.reading.faces) for step in done.steps],
        color="#c98a2b",
        linewidth=1.3,
        drawstyle="steps-post",
        label="faces that count",
    )
    moved = [step.at_s for step in done.steps if step.reading.moved]
    axes.plot(moved, [-0.13] * len(moved), "|", color=FAINT, markersize=5, label="something moved", clip_on=False)
    most = max(1, *(len(step.reading.faces) for step in done.steps))
    axes.set_ylim(-0.22, most + 0.12)
    axes.yaxis.set_major_locator(MaxNLocator(integer=True, nbins=4))
    legend(axes)


def legend(axes: Axes) -> None:
    axes.legend(loc="center left", bbox_to_anchor=(1.012, 0.5), frameon=False, fontsize=9, labelcolor=INK)


def finish(axes: Axes, done: Replay, name: str) -> None:
    """What all rows share: the time axis, a quiet frame, and the changes of mood as lines through all of them."""
    start_s = done.steps[0].at_s
    axes.set_xlim(start_s, start_s + done.length_s)
    axes.set_ylabel(name, color=INK, fontsize=10, rotation=0, ha="right", va="center", labelpad=10)
    axes.grid(axis="x", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(colors=FAINT, labelsize=8.5, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=12, steps=[1, 2, 3, 5, 6, 10]))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda at_s, _: clock(at_s)))
    for spine in axes.spines.values():
        spine.set_color(GRID)
    for switch in done.switches:
        axes.axvline(switch.at_s, color=INK, linewidth=1.1)
