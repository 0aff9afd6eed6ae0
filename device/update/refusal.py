"""Why an update is not possible."""

from device.errors import AffettoError


class Refusal(AffettoError):
    """A sentence for the owner: what is wrong with the source, the signature or the release."""
