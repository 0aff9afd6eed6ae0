"""Writes what a Mosquitto broker needs so that only chosen users control a device: passwords, access rules, TLS.

The rules follow from the contract: the device may send its states and read its commands, and nothing else.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path

from device.config.schema import Config
from device.errors import MqttError
from device.mqtt.contract import CHANNELS
from device.mqtt.topics import Topics

ITERATIONS = 5000  # of PBKDF2; the passwords here are random, so more would only slow a Raspberry Pi down
SALT_BYTES = 12
PASSWORD_BYTES = 18
ETC = "/etc/mosquitto/affetto"  # where the files go on the broker's machine
USER = re.compile(r"[A-Za-z0-9_-]{1,64}")

CONF = f"""\
# Affetto. Copy this file to /etc/mosquitto/conf.d/affetto.conf, and the others to {ETC}/.
# Every client needs a user now, on every listener. Without `listener 1883`, nobody connects without TLS.
allow_anonymous false
password_file {ETC}/passwords
acl_file {ETC}/acl

listener 8883
cafile {ETC}/ca.crt
certfile {ETC}/broker.crt
keyfile {ETC}/broker.key
"""

CERTIFICATES = """\
#!/bin/sh
# Makes a certificate authority and the broker's certificate beside this file: sh certificates.sh NAME [ADDRESS]
# NAME and ADDRESS are how devices reach the broker, such as broker.local and 192.168.1.5.
set -eu
cd "$(dirname "$0")"
name=${1:?say how devices reach the broker: sh certificates.sh broker.local 192.168.1.5}
names=DNS:$name${2:+,IP:$2}
curve="ec -pkeyopt ec_paramgen_curve:prime256v1"
umask 077
openssl req -x509 -newkey $curve -nodes -days 3650 -subj "/CN=Affetto's broker authority" \\
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign -keyout ca.key -out ca.crt
openssl req -newkey $curve -nodes -subj "/CN=$name" -keyout broker.key -out broker.csr
printf 'subjectAltName=%s\\nextendedKeyUsage=serverAuth\\n' "$names" > broker.ext
openssl x509 -req -in broker.csr -CA ca.crt -CAkey ca.key -CAcreateserial -days 1825 -extfile broker.ext -out broker.crt
rm broker.csr broker.ext
chmod 644 ca.crt broker.crt
echo "Keep ca.key in a safe place, not on the broker. The devices need ca.crt."
"""

STEPS = f"""\
What to do with these files, once for each device:

1. On this machine: sh certificates.sh broker.local 192.168.1.5     (how devices reach the broker)
2. On the broker:
     sudo install -d -o mosquitto -m 700 {ETC}
     sudo install -o mosquitto -m 600 passwords acl broker.key broker.crt ca.crt {ETC}/
     sudo install -m 644 affetto.conf /etc/mosquitto/conf.d/affetto.conf
     sudo systemctl restart mosquitto
   If {ETC} has files of another device already, append the lines of passwords and acl instead.
3. On the device: copy ca.crt to /etc/affetto/broker-ca.crt, and the lines of affetto.yaml into its settings.
4. Enter the user and the password from users.txt in Home Assistant (Settings, Devices, MQTT).
5. affetto check
"""


def write(folder: Path, config: Config, control: Iterable[str] = (), group: str = "") -> None:
    """Write the files into a new folder. `control`: users who may control the device. `group`: the topic on which the
    device's group describes itself to Home Assistant. Raises MqttError with a sentence if a name cannot be a user, or
    the folder exists already."""
    topics = Topics(config.mqtt.base_topic, config.device.id, config.mqtt.discovery_prefix)
    device_user, users = f"affetto-{config.device.id}", list(dict.fromkeys(control))
    for user in users:
        if not USER.fullmatch(user) or user == device_user:
            raise MqttError(f"{user!r} cannot be a user who controls the device: use letters, digits, - and _.")
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise MqttError(f"{folder} exists already, perhaps with passwords in use; name another folder.")
    passwords = {user: secrets.token_urlsafe(PASSWORD_BYTES) for user in (device_user, *users)}
    files = {
        "passwords": "".join(f"{user}:{hashed(password)}\n" for user, password in passwords.items()),
        "acl": rules(topics, device_user, users, group),
        "affetto.conf": CONF,
        "certificates.sh": CERTIFICATES,
        "affetto.yaml": settings(device_user, passwords[device_user]),
        "users.txt": "".join(f"{user} {passwords[user]}\n" for user in users),
        "README.txt": STEPS,
    }
    _write_all(folder, files)


def rules(topics: Topics, device_user: str, control: Iterable[str], group: str = "") -> str:
    """The access rules of Mosquitto (acl_file). What no rule allows is refused."""
    base = topics.base.strip("/")
    sends = [getattr(topics, channel.name) for channel in CHANNELS if not channel.command]
    lines = [
        f"user {device_user}",
        *(f"topic write {topic}" for topic in (*sends, topics.discovery, group) if topic),
        f"topic read {topics.commands}",
        f"topic read {base}/room/+/+/set",
        f"topic readwrite {base}/group/#",
        f"topic read {topics.home_assistant_status}",
    ]
    for user in control:
        lines += ["", f"user {user}", f"topic readwrite {base}/#", f"topic readwrite {topics.discovery_prefix}/#"]
    return "\n".join(lines) + "\n"


def hashed(password: str, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """The password as Mosquitto 2 keeps it (its format 7: PBKDF2 with SHA-512)."""
    salt = secrets.token_bytes(SALT_BYTES) if salt is None else salt
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, iterations, 64)
    return f"$7${iterations}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def settings(user: str, password: str) -> str:
    """The settings of the device."""
    return (
        "mqtt:\n  host: broker.local  # how the device reaches the broker\n  port: 8883\n  tls: true\n"
        f"  ca_file: /etc/affetto/broker-ca.crt\n  username: {user}\n  password: {password}\n"
    )


def _write_all(folder: Path, files: dict[str, str]) -> None:
    """All files or none: they appear together, and only their owner may read them."""
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(prefix=".affetto-", dir=folder.parent))
    except OSError as error:
        raise MqttError(f"{folder} cannot be made: {error.strerror}; name another folder.") from error
    try:
        for name, text in files.items():
            with open(os.open(fresh / name, os.O_WRONLY | os.O_CREAT, 0o600), "w", encoding="utf-8") as file:
                file.write(text)
        fresh.replace(folder)
    except OSError as error:
        shutil.rmtree(fresh, ignore_errors=True)
        raise MqttError(f"{folder} cannot be written: {error.strerror}; name another folder.") from error
