"""What is wrong with a connection to the broker, in sentences that say what to do. Pure."""

from __future__ import annotations

import socket
import ssl

from device.config.schema import MqttConfig
from device.mqtt.diagnosis import Sent

REFUSED_CREDENTIALS = ("Bad user name or password", "Not authorized")
SILENT, LEFT = "Keep alive timeout", "Normal disconnection"  # paho's words


def refused(config: MqttConfig, address: str, reason: str) -> str:
    """The broker answered, and does not let us in."""
    if reason in REFUSED_CREDENTIALS:
        who = f"user {config.username!r}" if config.username else "a client without a user name"
        return f"The MQTT broker at {address} refuses {who}; check mqtt: username and password."
    return f"The MQTT broker at {address} refuses the connection ({reason})."


def unreachable(config: MqttConfig, host: str, address: str, error: BaseException | None) -> str:
    """There was no answer."""
    hint = "" if config.host else " (none is named in the settings)"
    match error:
        case ssl.SSLCertVerificationError():
            return (f"The certificate of the MQTT broker at {address} cannot be trusted "
                    f"({error.verify_message}); check mqtt: host and ca_file.")
        case ssl.SSLError():
            return f"There is no TLS at {address} ({error.reason or error}); check mqtt: port and tls."
        case socket.gaierror():
            return f"No computer called {host} can be found; check mqtt: host and the network."
        case TimeoutError():
            return f"Nothing answers at {address}; check mqtt: host and port, and the firewall."
        case ConnectionRefusedError():
            return f"No MQTT broker listens at {address}; start it, or check mqtt: host and port{hint}."
        case _:
            return f"The MQTT broker at {address} cannot be reached ({error})."


def no_broker(address: str) -> str:
    """Something took the connection and dropped it before it said anything."""
    return f"What answers at {address} hung up at once; is it an MQTT broker, and is mqtt: tls right?"


def lost(address: str, reason: str) -> str:
    """The connection was up, and is not any more."""
    if reason == LEFT:
        return f"Affetto leaves the MQTT broker at {address} for one that announces itself in the network."
    if reason == SILENT:
        return f"The MQTT broker at {address} does not answer any more; trying again."
    return f"The connection to the MQTT broker at {address} broke off; trying again."


def rival(address: str, client_id: str) -> str:
    """Somebody else seems to have our client id."""
    if not client_id:
        return f"The MQTT broker at {address} keeps ending the connection; look into its log. Affetto tries less often."
    return (f"Another client with the id {client_id!r} seems to be connected to the MQTT broker at {address}, and each "
            "throws the other out; give one of the devices another device: id. Affetto tries less often.")


def too_large(address: str, sent: Sent) -> str:
    """The broker ends the connection when it gets this message."""
    return (f"The MQTT broker at {address} ends the connection at {sent.topic} ({sent.size:,} bytes), which seems too "
            "large for it. Affetto leaves such messages out; raise the broker's limit (max_packet_size in Mosquitto) "
            "and restart Affetto.")
