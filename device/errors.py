"""Expected failures. A leaf: imports nothing of Affetto.

Every message is one sentence for people: what happened, where, and what to do about it. The command line prints it
without a traceback. Any exception that is not an `AffettoError` is a defect and ends the process.
"""


class AffettoError(Exception):
    """An expected failure; `str(error)` is a message for the user."""

    exit_code = 1


class ConfigError(AffettoError):
    """The configuration has mistakes. `str(error)` lists all of them, one per line."""

    exit_code = 2


class ModelError(AffettoError):
    """A model or its card is missing, damaged, or not what the program expects."""


class WorkerError(AffettoError):
    """A process that reads music files does not start or does not work, for any file; a later try may succeed."""


class CameraError(AffettoError):
    """There is no camera, or it delivers no frames, or its frames are not pictures."""


class LinkError(AffettoError):
    """The connection between eye and conductor broke, or carried something other than readings."""


class ControlError(AffettoError):
    """The running program cannot be reached over its control socket, or does not answer."""


class PlayerError(AffettoError):
    """libVLC is missing, or the output file for the sound cannot be created."""


class SoundError(AffettoError):
    """The sound device does not open, or disappeared."""


class LibraryError(AffettoError):
    """The music catalogue cannot be read or written."""


class PageError(AffettoError):
    """The page for phones cannot be served."""


class MqttError(AffettoError):
    """The broker's address, credentials or answer are not usable."""


class StateError(AffettoError):
    """The data that survives a restart cannot be read or written."""


class WebError(AffettoError):
    """A medium from outside cannot be fetched: the address, the server or the content is not usable."""
