"""How tools/quantize.py says no: every reason has an exit code of its own. A leaf; imports nothing of the project.

A `Mistake` lies in what the tool was given; a `Refused` is a finished conversion that is not good enough to be kept.
Both carry one sentence for a person: what, where, what to do.
"""

from enum import IntEnum


class Code(IntEnum):
    """The exit codes of tools/quantize.py; 2 is argparse's, for wrong arguments."""

    DONE = 0
    MISTAKE = 1
    SLOWER = 3
    WORSE = 4
    UNFIT = 5
    NOT_INSTALLED = 6


class Mistake(ValueError):
    """The model, the pictures or the labels that were given cannot be used."""

    code = Code.MISTAKE


class Refused(Exception):
    """The int8 model was made, and is not kept. `code` says which rule it broke first."""

    def __init__(self, code: Code, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.code = code
        self.reasons = reasons


class NotInstalled(Exception):
    """The model could not be put on the device, which has what it had before."""

    code = Code.NOT_INSTALLED
