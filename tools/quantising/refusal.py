"""How tools/quantize.py says no: each reason has its own exit code. This module imports nothing of the project.

A `Mistake` is something wrong with the input. A `Refused` is a finished model that is not good enough. `NotInstalled`
comes from the device. Each carries sentences for a person: what is wrong, where, and what to do.
"""

from enum import IntEnum


class Code(IntEnum):
    """The exit codes of tools/quantize.py. Exit code 2 is argparse's, for wrong arguments."""

    DONE = 0
    MISTAKE = 1
    SLOWER = 3
    WORSE = 4
    UNFIT = 5
    NOT_INSTALLED = 6


class Mistake(ValueError):
    """The given model, pictures or labels cannot be used."""

    code = Code.MISTAKE


class Refused(Exception):
    """The int8 model is finished, but not good enough to keep. `code` names the first rule that it breaks."""

    def __init__(self, code: Code, reasons: tuple[str, ...]) -> None:
        super().__init__("\n".join(reasons))
        self.code = code
        self.reasons = reasons


class NotInstalled(Exception):
    """The device did not take the model, and keeps the one it had. `code` is SLOWER where the device measured that."""

    def __init__(self, sentence: str, code: Code = Code.NOT_INSTALLED) -> None:
        super().__init__(sentence)
        self.code = code
