"""Which files may hold music: by the ending of the name, or else by the first bytes. Pure.

Endings decide what gets opened at all; the tag reader then goes by the content. A name without an ending that this
table knows ("01. Intro", "track01") says nothing, so the first bytes decide.
"""

from __future__ import annotations

import os
from enum import Enum


class Kind(Enum):
    """What a file's name says of it."""

    SOUND = "libVLC plays it"
    UNPLAYABLE = "sound that libVLC or the tag reader cannot handle, or that is protected"
    OTHER = "no sound"
    UNKNOWN = "the name says nothing: look at the content"


# libVLC 3 with Debian's vlc-plugin-base played a file of each of these, and the tag reader understands them.
SOUND = frozenset(
    b"mp3 mp2 mp1 mpga mpa flac ogg oga opus spx m4a m4b m4r mp4 aac adts ac3 eac3 wav wave rf64 aif aiff aifc au snd"
    b" caf wma wv ape mpc mpp tta mka weba webm amr".split()
)
UNPLAYABLE = frozenset(
    b"mid midi kar rmi xm s3m sid dsf dff aa aax m4p w64 shn ofr ofs tak dts dtshd mlp gsm vqf sbc dss cda ra"
    b" voc".split()
)
OTHER = frozenset(
    # pictures, films, texts, lists, archives, programs, and what other programs leave beside music
    b"jpg jpeg jpe png gif bmp webp tif tiff svg heic avif ico psd xcf raw cr2 nef dng"
    b" avi mkv mov m4v mpg mpeg vob wmv flv ogv ogm ts m2ts mts divx 3gp 3g2 rm rmvb asf asx ifo bup srt sub idx ass"
    b" txt nfo md rtf doc docx odt xls xlsx ods ppt pptx odp pdf epub mobi tex htm html xml json yaml yml toml csv log"
    b" cue m3u m3u8 pls xspf wpl zpl lrc sfv md5 sha1 sha256 ffp accurip torrent url lnk desktop website"
    b" zip rar 7z gz bz2 xz zst tar tgz iso img bin nrg mdf dmg deb rpm apk exe dll msi so jar py pyc js css c h cpp o"
    b" sh bat cmd ps1 ini inf cfg conf db sqlite dat bak old orig tmp temp part crdownload download lock swp itl itdb"
    b" pek pkf sfk asd reapeaks als flp ptx logicx sesx aup aup3 gp gp3 gp4 gp5 gpx mscz musicxml sf2 sfz ttf".split()
)

FILM_ENDINGS = frozenset((b"mp4", b"webm"))
FILM_S = 1200.0
MOST_SOUND_BPS = 600_000  # compressed sound takes half of that; pictures hardly go below

SYSTEM_FOLDERS = frozenset(
    # Windows · ext4 · Synology · QNAP · macOS and Apple's file servers. Names with a dot in front are hidden anyway.
    name.encode()
    for name in (
        *("$recycle.bin", "recycler", "recycled", "system volume information", "found.000", "lost+found"),
        *("#recycle", "#snapshot", "@eadir", "@tmp", "@recycle", "@recently-snapshot"),
        *("network trash folder", "temporary items", "thevolumesettingsfolder", "__macosx"),
    )
)

HEAD_BYTES = 4096
"""So many bytes from the beginning of a file are enough for `holds_sound`."""

BRANDS = (b"M4A", b"M4B", b"mp4", b"iso", b"dash", b"3gp", b"MSNV", b"f4a")  # of MP4; QuickTime and HEIF have others
MAGIC = (b"ID3", b"fLaC", b"OggS", b"wvpk", b"MAC ", b"MPCK", b"MP+", b"TTA1", b".snd", b"caff", b"#!AMR", b"RF64")
ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
EBML = bytes.fromhex("1a45dfa3")
KBPS_LAYER_3 = (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320)  # MPEG 1
KBPS_LAYER_3_LOW = (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160)  # MPEG 2 and 2.5
HZ = (44100, 48000, 32000)


def ending_of(name: bytes) -> bytes:
    """The ending of a file name in lower case, without its dot; empty if there is none."""
    return os.path.splitext(name)[1][1:].lower()


def kind_of(name: bytes) -> Kind:
    """What the ending says."""
    ending = ending_of(name)
    if ending in SOUND:
        return Kind.SOUND
    if ending in UNPLAYABLE:
        return Kind.UNPLAYABLE
    return Kind.OTHER if ending in OTHER else Kind.UNKNOWN


def is_hidden(name: bytes) -> bool:
    """Whether a file or folder is nobody's music: hidden (macOS leaves "._song.mp3" everywhere), or a recycle bin or
    another folder of a system, in any case of letters."""
    return name.startswith(b".") or name.lower() in SYSTEM_FOLDERS


def is_film(name: bytes, size: int, duration_s: float) -> bool:
    """Whether a file whose format may hold moving pictures is too large for sound of its length. A short one may be a
    music video: that is music."""
    return ending_of(name) in FILM_ENDINGS and duration_s > FILM_S and size * 8 > duration_s * MOST_SOUND_BPS


def holds_sound(head: bytes) -> bool:
    """Whether a file that begins with these bytes is of a format that libVLC plays."""
    if head.startswith((*MAGIC, ASF)):
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"WAVE"
    if head[:4] == b"FORM":
        return head[8:12] in (b"AIFF", b"AIFC")
    if head[4:8] == b"ftyp":
        return head[8:12].startswith(BRANDS)
    if head[:4] == EBML:
        return b"webm" in head[:64] or b"matroska" in head[:64]
    return _is_frame(head, _mp3_bytes(head)) or _is_frame(head, _adts_bytes(head))


def _is_frame(head: bytes, length: int) -> bool:
    """Whether another frame of the same stream follows one of this length; two bytes alone may be chance."""
    return length > 0 and head[length : length + 2] == head[:2]


def _mp3_bytes(head: bytes) -> int:
    """The length of the MPEG layer 3 frame at the beginning (ISO/IEC 11172-3 and 13818-3); 0 if there is none."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2:
        return 0
    version, rate, hz = head[1] >> 3 & 3, head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or rate in (0, 15) or hz == 3:
        return 0
    if version == 3:
        return 144_000 * KBPS_LAYER_3[rate] // HZ[hz] + (head[2] >> 1 & 1)
    return 72_000 * KBPS_LAYER_3_LOW[rate] // (HZ[hz] >> (1 if version == 2 else 2)) + (head[2] >> 1 & 1)


def _adts_bytes(head: bytes) -> int:
    """The length of the ADTS frame of AAC at the beginning (ISO/IEC 13818-7); 0 if there is none."""
    if len(head) < 7 or head[0] != 0xFF or head[1] & 0xF6 != 0xF0:
        return 0
    return (head[3] & 3) << 11 | head[4] << 3 | head[5] >> 5
