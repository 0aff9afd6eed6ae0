"""The live view as characters: pure functions from the known state to something that rich can print."""

from __future__ import annotations

from datetime import datetime

from rich.console import Group, RenderableType
from rich.layout import Layout
from rich.padding import Padding
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from device.domain import EMOTIONS, MOOD_AFFECT, Emotion, MoodName, Now
from device.mqtt.documents import MoodState, TrackState
from device.watch.seen import SETTINGS, Seen, clean, describe, since

MOOD_COLOURS = {
    "happy": "yellow",
    "excited": "dark_orange",
    "calm": "green",
    "neutral": "grey70",
    "sad": "dodger_blue1",
    "tense": "magenta",
    "angry": "red",
}
EMOTION_COLOURS = {
    Emotion.NEUTRAL: "grey70",
    Emotion.HAPPINESS: "yellow",
    Emotion.SURPRISE: "dark_orange",
    Emotion.SADNESS: "dodger_blue1",
    Emotion.ANGER: "red",
    Emotion.DISGUST: "dark_olive_green3",
    Emotion.FEAR: "magenta",
    Emotion.CONTEMPT: "pink3",
}
NEWS_COLOURS = {
    "link": "cyan",
    "mood": "yellow",
    "music": "green",
    "setting": "blue",
    "event": "white",
    "problem": "red",
}

Cells = dict[tuple[int, int], tuple[str, str]]
"""Maps row and column to a character and its style."""

SYMBOLS = {"playing": "▶", "paused": "⏸", "stopped": "■"}
BORDER = "grey42"
HEADER_ROWS, MUSIC_ROWS = 1, 6
PLANE_WIDTH_SHARE = 0.46
NARROW = 70  # columns; a narrower screen shows the bars instead of the plane


def render(seen: Seen, now: Now, width: int, height: int) -> RenderableType:
    """The whole screen of `width` columns and `height` rows."""
    middle = min(20, max(12, (height - HEADER_ROWS - MUSIC_ROWS) * 3 // 5))
    layout = Layout()
    upper = Layout(size=middle)
    mood = Layout(_panel(_mood(seen.mood, now, middle - 4), "mood"))
    if width < NARROW:
        upper.update(mood)
    else:
        columns = int(width * PLANE_WIDTH_SHARE)
        plane = _panel(_plane(seen, columns - 4, middle - 2), "valence and arousal")
        upper.split_row(mood, Layout(plane, size=columns))
    layout.split_column(
        Layout(_header(seen, now), size=HEADER_ROWS),
        upper,
        Layout(_panel(_music(seen, now), "music"), size=MUSIC_ROWS),
        Layout(_panel(_news(seen, height - HEADER_ROWS - MUSIC_ROWS - middle - 2), "events", "Ctrl-C ends")),
    )
    return layout


def _panel(inside: RenderableType, title: str, subtitle: str = "") -> Panel:
    return Panel(
        inside,
        title=f"[bold bright_white]{title}[/]",
        title_align="left",
        subtitle=f"[dim]{subtitle}[/]" if subtitle else None,
        subtitle_align="right",
        border_style=BORDER,
        padding=(0, 1),
    )


def _header(seen: Seen, now: Now) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(ratio=1, justify="center", no_wrap=True)
    row.add_column(justify="right", no_wrap=True)
    clock = datetime.fromtimestamp(now.wall).strftime("%H:%M:%S")
    name = Text.assemble((" Affetto ", "bold black on cyan"), "  ", (seen.device, "bold"))
    row.add_row(name, _link(seen), f"{clock} ")
    return row


def _link(seen: Seen) -> Text:
    if seen.link:
        return Text(f"○ {seen.link}", style="yellow", overflow="ellipsis")
    if seen.online is None:
        return Text("○ no message yet", style="yellow")
    return Text("● online", style="green") if seen.online else Text("○ offline", style="red")


# --- Mood ---


def badge(mood: str) -> Text:
    """The name of a mood on its colour."""
    return Text(f" {mood} ", style=f"bold black on {MOOD_COLOURS.get(mood, 'white')}")


def _mood(mood: MoodState | None, now: Now, rows: int) -> RenderableType:
    if mood is None:
        return Text("no mood yet", style="dim")
    head = Text.assemble(badge(clean(mood.mood)), "  ")
    head.append(describe(mood), style="bold")
    if (began := since(mood)) is not None and mood.source != "none":
        head.append(f", {_ago(now.wall - began)}", style="dim")
    head.no_wrap, head.overflow = True, "ellipsis"
    bars = Table.grid(padding=(0, 1), expand=True)
    bars.add_column(no_wrap=True)
    bars.add_column(ratio=1)
    bars.add_column(justify="right", no_wrap=True)
    scores = [min(max(mood.scores.get(emotion, 0.0), 0.0), 1.0) for emotion in EMOTIONS]
    strongest = max(scores)
    for number, (emotion, score) in enumerate(zip(EMOTIONS, scores, strict=True)):
        first = score == strongest and score > 0
        style = EMOTION_COLOURS[emotion]
        bars.add_row(
            Text(emotion, style="bold" if first else ""),
            ProgressBar(total=1.0, completed=score, complete_style=style, finished_style=style, style="grey23"),
            Text(f"{score:4.0%}", style="bold" if first else "dim"),
        )
        if rows >= 2 * len(EMOTIONS) - 1 and number < len(EMOTIONS) - 1:
            bars.add_row()
    return Group(head, Text(), bars)


def _ago(seconds: float) -> str:
    seconds = max(0.0, seconds)
    if seconds < 60:
        return f"for {seconds:.0f} s"
    return f"for {seconds / 60:.0f} min" if seconds < 5400 else f"for {seconds / 3600:.1f} h"


# --- The plane ---


def _plane(seen: Seen, columns: int, rows: int) -> Text:
    """Valence to the right, arousal upwards, [-1, 1] each: where the moods are, where the room was and is (●), and
    where the music is (♪)."""
    cells: Cells = {}

    def place(valence: float, arousal: float) -> tuple[int, int]:
        across, up = min(max(valence, -1.0), 1.0), min(max(arousal, -1.0), 1.0)
        return round((1 - up) / 2 * (rows - 1)), round((1 + across) / 2 * (columns - 1))

    middle_row, middle_column = place(0, 0)
    for column in range(columns):
        cells[middle_row, column] = ("─", "grey30")
    for row in range(rows):
        cells[row, middle_column] = ("│" if row != middle_row else "┼", "grey30")
    colour = MOOD_COLOURS.get(seen.mood.mood, "white") if seen.mood else "white"
    for valence, arousal in seen.trail:
        cells[place(valence, arousal)] = ("•", f"{colour} dim")
    for name in MoodName:
        lit = seen.mood is not None and seen.mood.mood == name
        style = MOOD_COLOURS[name] + (" bold" if lit else " dim")
        _write(cells, name, style, *place(MOOD_AFFECT[name].valence, MOOD_AFFECT[name].arousal), columns)
    if seen.track is not None and seen.track.title:
        cells[place(seen.track.valence or 0.0, seen.track.arousal or 0.0)] = ("♪", "bold white")
    if seen.mood is not None:
        cells[place(seen.mood.valence, seen.mood.arousal)] = ("●", f"bold {colour}")
    text = Text(no_wrap=True)
    for row in range(rows):
        for column in range(columns):
            text.append(*cells.get((row, column), (" ", "")))
        text.append("\n" if row < rows - 1 else "")
    return text


def _write(cells: Cells, word: str, style: str, row: int, column: int, columns: int) -> None:
    """Put `word` with its middle at `column`, a row higher if another word is there (tense and angry are close)."""
    start = min(max(0, column - len(word) // 2), columns - len(word))
    span = range(start - 1, start + len(word) + 1)
    if row > 0 and any(cells.get((row, at), (" ", ""))[0].isalpha() for at in span):
        row -= 1
    for offset, char in enumerate(word):
        cells[row, start + offset] = (char, style)


# --- Music and settings ---


def _music(seen: Seen, now: Now) -> RenderableType:
    rows: list[RenderableType] = []
    if seen.track is None or not seen.track.title:
        state = clean(seen.track.state) if seen.track else "no track yet"
        rows += [Text(f"{SYMBOLS.get(state, '■')} {state}", style="dim"), Text(), Text()]
    else:
        rows += [_title(seen.track), _progress(seen, seen.track, now)]
        reason = clean(seen.track.reason or "")
        rows.append(Text(reason, style="italic", no_wrap=True, overflow="ellipsis"))
    return Group(*rows, _settings(seen))


def _title(track: TrackState) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(ratio=1, no_wrap=True)
    row.add_column(no_wrap=True)
    words = Text.assemble((f"{SYMBOLS.get(track.state, '')} ", "green"), (clean(track.title or ""), "bold"))
    words.append(f"  {clean(track.artist)}" if track.artist else "", style="dim")
    words.overflow = "ellipsis"
    row.add_row(words, badge(clean(track.mood)) if track.mood else Text())
    return row


def _progress(seen: Seen, track: TrackState, now: Now) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True)
    length_s = min(max(track.duration_s or 0.0, 0.0), 1e6)
    at = None if seen.position is None else seen.position.at(now.mono)
    if at is not None and length_s:
        at = min(at, length_s)
    bar = ProgressBar(total=length_s or 1.0, completed=(at or 0.0) if length_s else 0.0,
                      complete_style="green", finished_style="green", style="grey23")
    row.add_row(_minutes(at), bar, _minutes(length_s or None))
    return row


def _minutes(seconds: float | None) -> Text:
    return Text("–:––" if seconds is None else f"{int(seconds) // 60}:{int(seconds) % 60:02}", style="dim")


def _settings(seen: Seen) -> RenderableType:
    text = Text(no_wrap=True, overflow="ellipsis")
    for name in SETTINGS:
        value = seen.settings.get(name)
        if not value:
            continue
        style = {"ON": "bold red", "OFF": "dim"}.get(value, "bold") if name == "camera" else "bold"
        shown = f"{value}%" if name == "volume" else value
        text.append(f"{name} ", style="dim").append(shown, style=style).append("  ")
    if seen.health.eye_fps:
        text.append(f"{seen.health.eye_fps:.1f} frames/s", style="dim")
    return text


def _news(seen: Seen, rows: int) -> RenderableType:
    fresh = [news for news in seen.news if not news.old]
    lines = Text(no_wrap=True, overflow="ellipsis")
    for number, news in enumerate(fresh[-rows:] if rows > 0 else []):
        lines.append("\n" if number else "")
        lines.append(datetime.fromtimestamp(news.at).strftime("%H:%M:%S "), style="dim")
        lines.append(news.text, style=NEWS_COLOURS.get(news.kind, ""))
    return Padding(lines, 0)
