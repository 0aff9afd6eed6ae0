"""What can go wrong in an expected way. A leaf: imports nothing of Affetto.

Every message is one sentence for a person: what happened, where, and what to do about it. The command line prints
it without a traceback; anything that is not an `AffettoError` is a defect and ends the process.
"""


class AffettoError(Exception):
    """An expected failure; `str(error)` is fit to be shown to the user."""

    exit_code = 1


class ConfigError(AffettoError):
    """The configuration cannot be used. `str(error)` lists every mistake, one a line."""

    exit_code = 2


class ModelError(AffettoError):
    """A model or its card is missing, damaged, or not what the program expects."""


class WorkerError(AffettoError):
    """A process that reads music files does not start or cannot work, whatever the file; trying later may help."""


class CameraError(AffettoError):
    """No camera, or it gave no frame, or what it gave is not a picture."""


class LinkError(AffettoError):
    """The connection between eye and conductor broke, or carried something else than readings."""


class PlayerError(AffettoError):
    """libVLC is missing, or the file that sound is to be written to cannot be made."""


class SoundError(AffettoError):
    """The sound device does not open, or went away."""


class LibraryError(AffettoError):
    """The music catalogue cannot be read or written."""


class MqttError(AffettoError):
    """The broker's address, credentials or answer cannot be used."""


class StateError(AffettoError):
    """What should survive a restart cannot be read or written."""
