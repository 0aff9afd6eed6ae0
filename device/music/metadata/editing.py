"""Writes stars and a mood into the tags of a file, each format in its own words, and touches no other tag.

`Found` shows the tags that are concerned, as texts under their very keys, so that somebody can put them back later.
`changes` says, purely, which of them become what; `edit` writes them. Works on a copy that nobody else uses
(device/tags/replacing.py): mutagen writes in place. Runs in the process of `workers/edit_process.py`.

ID3 keeps its version, and whatever mutagen does not know. TMOO came with version 2.4; in older
tags, TXXX:MOOD takes its place.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
import mutagen
from mutagen._vorbis import VComment
from mutagen.aiff import AIFF
from mutagen.apev2 import APEv2
from mutagen.asf import DWORD as NUMBER
from mutagen.asf import UNICODE as TEXT
from mutagen.asf import ASFTags, ASFValue
from mutagen.id3 import ID3, POPM, TMOO, TXXX, Encoding
from mutagen.mp3 import MP3
from mutagen.mp4 import MP4FreeForm, MP4Tags
from mutagen.trueaudio import TrueAudio
from mutagen.wave import WAVE

from device.errors import LibraryError
from device.music.metadata.mood_words import MARK
from device.music.metadata.tags import shown

STARS: Mapping[str, tuple[str, str]] = {  # one star, and five
    "popularity": ("1", "255"), "share": ("0.2", "1.0"), "stars": ("1", "5"), "percent": ("20", "100"),
    "shared": ("1", "99"),
}  # fmt: skip
CONCERNED = ("fmps_rating", "rating", "rate", "mood", "wm/mood", "wm/shareduserrating", MARK.casefold())
NEW_POPM = "POPM:Windows Media Player 9 Series"  # most players read this one
OLD, OLDEST = (2, 3), (2, 2, 0)  # versions of ID3; mutagen cannot write the oldest
V1_BYTES = 128  # of ID3v1, at the end of a file
ID3_FILES = (MP3, AIFF, WAVE, TrueAudio)

Fields = dict[str, list[str]]
"""Texts by the keys of the format. POPM is "rating|count", WMA's are "type|value"."""

Read = Callable[[Any, str], list[str]]
Write = Callable[[Any, str, list[str]], None]


class Found(msgspec.Struct, frozen=True):
    """The tags of a file that say something of stars or moods. `kind`: id3, old id3, vorbis, mp4, asf or ape."""

    kind: str
    fields: Fields


class Wish(msgspec.Struct, frozen=True):
    """What a file should say: `liked` means five stars, False one, None nothing. `mood` is a word, empty for nothing;
    `predicted`: the model's word, which never replaces somebody's."""

    liked: bool | None = None
    mood: str = ""
    predicted: bool = False


# --- What should change. Pure. ---


def changes(found: Found, wish: Wish) -> Fields:
    """The fields that are to be others, with their new texts; none means that the field goes."""
    wanted: Fields = {}
    if wish.liked is not None:
        wanted |= _stars(found, five=wish.liked)
    if wish.mood:
        wanted |= _mood(found, wish)
    return {key: texts for key, texts in wanted.items() if found.fields.get(key, []) != texts}


def _stars(found: Found, *, five: bool) -> Fields:
    """All ratings that the file has, each in its own scale; without any, those that players of this format look for."""
    at = int(five)
    wanted: Fields = {}
    for key, texts in found.fields.items():
        name = _name(key)
        if key.startswith("POPM"):
            wanted[key] = [f"{STARS['popularity'][at]}|{texts[0].partition('|')[2]}"]
        elif name == "fmps_rating":
            wanted[key] = [STARS["share"][at]]
        elif name == "wm/shareduserrating":
            wanted[key] = [f"{NUMBER}|{STARS['shared'][at]}"]
        elif name.partition(":")[0] in ("rating", "rate"):
            wanted[key] = [STARS[_scale(texts[0])][at]]
    new: Fields = {
        "id3": {NEW_POPM: [f"{STARS['popularity'][at]}|0"]},
        "asf": {"WM/SharedUserRating": [f"{NUMBER}|{STARS['shared'][at]}"]},
        "vorbis": {"FMPS_RATING": [STARS["share"][at]], "RATING": [STARS["percent"][at]]},
        "ape": {"FMPS_RATING": [STARS["share"][at]], "RATING": [STARS["percent"][at]]},
        "mp4": {
            "----:com.apple.iTunes:FMPS_RATING": [STARS["share"][at]],
            "----:com.apple.iTunes:RATING": [STARS["percent"][at]],
        },
    }[found.kind.removeprefix("old ")]
    here = {_name(key) for key in wanted}
    return wanted | {key: texts for key, texts in new.items() if _name(key) not in here}


def _scale(text: str) -> str:
    """Which scale an existing RATING uses."""
    try:
        number = float(text.partition("|")[2] or text)
    except ValueError:
        return "percent"
    return "share" if number < 1 or (number == 1 and "." in text) else "stars" if number <= 5 else "percent"


def _mood(found: Found, wish: Wish) -> Fields:
    own = {"id3": "TMOO", "old id3": "TXXX:MOOD", "asf": "WM/Mood", "mp4": "----:com.apple.iTunes:MOOD"}
    mark = {"mp4": f"----:com.apple.iTunes:{MARK}", "id3": f"TXXX:{MARK}", "old id3": f"TXXX:{MARK}"}
    keys = [key for key in found.fields if _name(key) in ("mood", "wm/mood", "tmoo")]
    marks = [key for key in found.fields if _name(key) == MARK.casefold()]
    ours = {text for key in marks for text in found.fields[key]}
    if wish.predicted and any(text not in ours for key in keys for text in found.fields[key]):
        return {}  # somebody's own word
    asf = f"{TEXT}|" if found.kind == "asf" else ""
    word = [f"{asf}{wish.mood}"]
    keys, marks = keys or [own.get(found.kind, "MOOD")], marks or [mark.get(found.kind, MARK)]
    return dict.fromkeys(keys, word) | dict.fromkeys(marks, word if wish.predicted else [])


def _name(key: str) -> str:
    """What a key is called in any format."""
    folded = key.casefold().removeprefix("txxx:")
    return folded.partition(":")[2].partition(":")[2] if folded.startswith("----:") else folded


def _is_concerned(key: str) -> bool:
    name = _name(key)
    return name in CONCERNED or name.startswith("rating:") or key.startswith("POPM") or key == "TMOO"


# --- The formats ---


def find(path: Path) -> Found:
    """The fields of a file. Raises LibraryError if its format cannot be written."""
    file = _opened(path)
    kind, read, _ = _format(file, path)
    keys = [str(key) for key in list(file.tags.keys()) if _is_concerned(str(key))]
    if kind == "vorbis":  # mutagen shows them in small letters, and finds them in any
        keys = [key.upper() for key in keys]
    return Found(kind, {key: read(file.tags, key) for key in keys})


def edit(path: Path, fields: Mapping[str, list[str]]) -> Found:
    """Give these fields of the file these texts; no texts delete the field. Returns what is there now. Raises
    LibraryError."""
    file = _opened(path)
    kind, _, write = _format(file, path)
    for key, texts in fields.items():
        if texts:
            write(file.tags, key, texts)
        elif key in file.tags:
            del file.tags[key]
    if kind.endswith("id3"):
        _save_id3(file, path)
    else:
        file.save()
    return find(path)


def _opened(path: Path) -> Any:
    try:
        file = mutagen.File(path)
        if isinstance(file, ID3_FILES):  # once more, without the translation that would rewrite older frames
            file = type(file)(path, translate=False, load_v1=False)
        if file is not None and file.tags is None:
            file.add_tags()
    except MemoryError:
        raise
    except Exception as error:  # mutagen's parsers raise whatever a damaged file makes them trip over
        why = str(error)[:100] or type(error).__name__
        raise LibraryError(f"{shown(path)}: Affetto cannot write its tags ({why})") from error
    if file is None:
        raise LibraryError(f"{shown(path)}: Affetto cannot write tags of this format")
    return file


def _format(file: Any, path: Path) -> tuple[str, Read, Write]:
    tags = file.tags
    if isinstance(tags, ID3) and tags.version != OLDEST:
        return "old id3" if tags.version[:2] == OLD else "id3", _read_id3, _write_id3
    if isinstance(tags, MP4Tags):
        return "mp4", _read_mp4, _write_mp4
    if isinstance(tags, ASFTags):
        return "asf", _read_asf, _write_asf
    if isinstance(tags, APEv2):
        return "ape", _read_list, _write_list
    if isinstance(tags, VComment):
        return "vorbis", _read_list, _write_list
    raise LibraryError(f"{shown(path)}: Affetto cannot write tags of this format")


def _read_list(tags: Any, key: str) -> list[str]:
    return list(tags[key])


def _write_list(tags: Any, key: str, texts: list[str]) -> None:
    tags[key] = texts


def _read_id3(tags: ID3, key: str) -> list[str]:
    frame = tags[key]
    if isinstance(frame, POPM):
        return [f"{frame.rating}|{getattr(frame, 'count', '')}"]
    return [str(one) for one in frame.text]


def _write_id3(tags: ID3, key: str, texts: list[str]) -> None:
    kind, _, name = key.partition(":")
    if kind == "POPM":
        rating, _, count = texts[0].partition("|")
        extra = {"count": int(count)} if count else {}
        tags[key] = POPM(email=name, rating=int(rating), **extra)
    elif kind == "TMOO":
        tags[key] = TMOO(encoding=Encoding.UTF8, text=texts)
    else:
        tags[key] = TXXX(encoding=Encoding.UTF8, desc=name, text=texts)


def _save_id3(file: Any, path: Path) -> None:
    """In the version that the tags have. ID3v1 at the end stays as it is: mutagen would write it anew."""
    with open(path, "rb") as before:
        before.seek(max(0, path.stat().st_size - V1_BYTES))
        v1 = before.read(V1_BYTES)
    file.save(v2_version=3 if file.tags.version[:2] == OLD else 4, v23_sep=None)
    if v1.startswith(b"TAG") and isinstance(file, MP3 | TrueAudio):
        with open(path, "r+b") as after:
            after.seek(-V1_BYTES, 2)
            after.write(v1)


def _read_mp4(tags: MP4Tags, key: str) -> list[str]:
    return [one.decode("latin-1") if isinstance(one, bytes) else str(one) for one in tags[key]]


def _write_mp4(tags: MP4Tags, key: str, texts: list[str]) -> None:
    tags[key] = [MP4FreeForm(text.encode("latin-1")) for text in texts] if key.startswith("----:") else texts


def _read_asf(tags: ASFTags, key: str) -> list[str]:
    return [f"{one.TYPE}|{one}" for one in tags[key]]


def _write_asf(tags: ASFTags, key: str, texts: list[str]) -> None:
    values = (text.partition("|") for text in texts)
    tags[key] = [ASFValue(value if int(kind) == TEXT else int(value), int(kind)) for kind, _, value in values]
