"""Checks the owner's signature with OpenSSH: `ssh-keygen -Y verify`. Nothing else uses a release before that."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path

from device.update.refusal import Refusal

NAMESPACE = "affetto-release"  # so that a signature for something else is worth nothing here
SIGNER = "owner"
PATIENCE_S = 20.0
LARGEST_KEY = 16 * 1024


def check(content: bytes, signature: bytes, key: Path) -> None:
    """Check that one of the public keys in the file `key` signed `content`. Raises Refusal with a sentence."""
    with tempfile.TemporaryDirectory(prefix="affetto-update-") as folder:
        signers, signed = Path(folder) / "signers", Path(folder) / "signature"
        signers.write_text("".join(f"{SIGNER} {line}\n" for line in _keys(key)), encoding="utf-8")
        signed.write_bytes(signature)
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", NAMESPACE, "-s", str(signed)]
        try:
            done = subprocess.run(command, input=content, capture_output=True, timeout=PATIENCE_S, check=False)
        except FileNotFoundError:
            raise Refusal("ssh-keygen is not installed: sudo apt-get install openssh-client") from None
        except subprocess.TimeoutExpired:
            raise Refusal("The signature could not be checked in time.") from None
    if done.returncode:
        raise Refusal("The release is not signed with the key in update.key, so it was not installed.")


def _keys(key: Path) -> list[str]:
    """The lines of a public key file, such as ~/.ssh/id_ed25519.pub."""
    try:
        with key.open(encoding="ascii") as file:
            lines = file.read(LARGEST_KEY).splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not a public key"
        raise Refusal(f"update.key {key} cannot be read: {why}.") from None
    keys = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    if not keys or not all(line.startswith(("ssh-", "ecdsa-", "sk-")) for line in keys):
        raise Refusal(f"update.key {key} is not a public key, such as id_ed25519.pub.")
    return keys
