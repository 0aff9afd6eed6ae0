"""What an hour of normal running writes to the card, all of it: the journal of ext4 and the one of systemd, too."""

from __future__ import annotations

from collections.abc import Iterator

from tools.vm.stage import Check, Stage
from tools.vm.table import Row, within

MOST_MB = 5.0
SECTOR_BYTES = 512  # in /sys/block/*/stat, whatever the disk's own are
SETTLE_S = 120
COUNT = "awk '{ print $7 }' /sys/block/vda/stat"


def card(minutes: float) -> Check:
    """The check that counts for this long."""

    def wear(stage: Stage) -> Iterator[Row]:
        stage.shell(f"sync; sleep {SETTLE_S}", patience_s=SETTLE_S + 300)
        begin, played = stage.shell(COUNT), stage.outside.mark()
        stage.shell(f"sleep {60 * minutes:.0f}", patience_s=60 * minutes + 300)
        written_mb = (int(stage.shell(COUNT)) - int(begin)) * SECTOR_BYTES / 1e6
        songs = sum(one.json.get("event_type") == "track_started" for one in stage.outside.all("event", played))
        yield within(
            f"written to the card in an hour ({minutes:g} minutes counted, {songs} songs begun)",
            written_mb * 60 / minutes, "MB", MOST_MB,
        )  # fmt: skip

    wear.__doc__ = f"What {minutes:g} minutes of normal running write to the card"
    return wear
