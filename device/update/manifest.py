"""What a release says about itself: `release.json`, which the owner has signed. Pure."""

from __future__ import annotations

from typing import Annotated

import msgspec

from device.update.refusal import Refusal

NAME = "release.json"
SIGNATURE = "release.json.sig"
LARGEST_BYTES = 64 * 1024
LARGEST_ARCHIVE = 500_000_000

Version = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,6}(\.[0-9]{1,6}){1,3}$")]
FileName = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$")]


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`archive` is a file beside the manifest, `sha256` and `size` (bytes) are its. `notes` say what is new."""

    version: Version
    archive: FileName
    sha256: Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
    size: Annotated[int, msgspec.Meta(gt=0, le=LARGEST_ARCHIVE)]
    notes: Annotated[str, msgspec.Meta(max_length=10_000)] = ""


def parse(content: bytes) -> Manifest:
    """The manifest. Raises Refusal with a sentence."""
    try:
        return msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise Refusal(f"{NAME} is not a release of Affetto: {error}.") from None
