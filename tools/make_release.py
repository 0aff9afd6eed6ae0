#!/usr/bin/env python3
"""Make a signed release of this clone, which devices with `update.source` and your key install by themselves.

    ssh-keygen -t ed25519 -f release-key             once; keep release-key secret
    python tools/make_release.py --key release-key --notes "Quieter at night." --out affetto-update

Copy release-key.pub to /etc/affetto/update.pub on each device. Copy the folder to where `update.source` points: a USB
stick, a shared folder, or a web server. The version is that of device/__init__.py, and must be higher than the last.
`--wheels DIR` adds Python packages for devices without a network, as install.sh takes with --offline.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import subprocess
import sys
import tarfile
from pathlib import Path

import msgspec

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from device import __version__  # noqa: E402
from device.setup import release  # noqa: E402
from device.update import manifest, signature  # noqa: E402
from device.update.manifest import Manifest  # noqa: E402


def main(argv: list[str] | None = None) -> int:
    options = parser().parse_args(argv)
    options.out.mkdir(parents=True, exist_ok=True)
    archive = options.out / f"affetto-{options.version}.tar.gz"
    write_archive(archive, options.version, options.wheels)
    content = archive.read_bytes()
    made = Manifest(
        version=options.version, archive=archive.name, sha256=hashlib.sha256(content).hexdigest(), size=len(content),
        notes=options.notes,
    )  # fmt: skip
    path = options.out / manifest.NAME
    path.write_bytes(msgspec.json.format(msgspec.json.encode(made), indent=2) + b"\n")
    (options.out / manifest.SIGNATURE).unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-Y", "sign", "-f", str(options.key), "-n", signature.NAMESPACE, str(path)]
    done = subprocess.run(command, check=False)
    if done.returncode:
        print(f"make_release.py: {path} could not be signed with {options.key}", file=sys.stderr)
        return 1
    print(f"Affetto {options.version}, signed, in {options.out} ({len(content) / 1e6:.1f} MB)")
    return 0


def write_archive(path: Path, version: str, wheels: Path | None) -> None:
    """The files that install.sh copies to a device, with this version in device/__init__.py."""
    files = release.contents(ROOT)
    for name in sorted(wheels.iterdir()) if wheels else ():
        files[f"wheels/{name.name}"] = name.read_bytes(), 0o644
    code, mode = files["device/__init__.py"]
    files["device/__init__.py"] = code.replace(f'"{__version__}"'.encode(), f'"{version}"'.encode()), mode
    with tarfile.open(path, "w:gz") as tar:
        for name, (content, mode) in sorted(files.items()):
            member = tarfile.TarInfo(f"affetto-{version}/{name}")
            member.size, member.mode = len(content), mode
            tar.addfile(member, io.BytesIO(content))


def parser() -> argparse.ArgumentParser:
    top = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    top.add_argument("--key", type=Path, required=True, help="private key, such as ~/.ssh/id_ed25519")
    top.add_argument("--out", type=Path, required=True, help="folder for the release")
    top.add_argument("--notes", default="", help="what is new, for people")
    top.add_argument("--version", default=__version__, help=f"default: {__version__}")
    top.add_argument("--wheels", type=Path, help="folder with Python packages for devices without a network")
    return top


if __name__ == "__main__":
    sys.exit(main())
