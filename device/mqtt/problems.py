"""What is wrong with a connection to the broker, as sentences that say what to do. Pure."""

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
        return f"The MQTT broker at {address} refuses {who}; check mqtt.username and mqtt.password."
    return f"The MQTT broker at {address} refuses the connection ({reason})."


def unreachable(config: MqttConfig, host: str, address: str, error: BaseException | None) -> str:
    """The broker did not answer."""
    hint = "" if config.host else " (which is not set)"
    match error:
        case ssl.SSLCertVerificationError():
            return (f"The certificate of the MQTT broker at {address} cannot be trusted "
                    f"({error.verify_message}); check mqtt.host and mqtt.ca_file.")
        case ssl.SSLError():
            return f"There is no TLS at {address} ({error.reason or error}); check mqtt.port and mqtt.tls."
        case socket.gaierror():
            return f"There is no computer called {host} on the network; check mqtt.host and the network."
        case TimeoutError():
            return f"Nothing answers at {address}; check mqtt.host, mqtt.port and the firewall."
        case ConnectionRefusedError():
            return f"No MQTT broker listens at {address}; start it, or check mqtt.port and mqtt.host{hint}."
        case _:
            return f"The MQTT broker at {address} cannot be reached ({error})."


def no_broker(address: str) -> str:
    """Something accepted the connection and closed it without an answer."""
    return f"The program at {address} closed the connection at once; is it an MQTT broker, and is mqtt.tls right?"


def lost(address: str, reason: str) -> str:
    """The connection was up, and ended."""
    if reason == LEFT:
        return f"Affetto leaves the MQTT broker at {address} for one that announces itself on the network."
    if reason == SILENT:
        return f"The MQTT broker at {address} stopped answering; trying again."
    return f"The connection to the MQTT broker at {address} was lost; trying again."


def rival(address: str, client_id: str) -> str:
    """Another client seems to have our client id."""
    if not client_id:
        return f"The MQTT broker at {address} keeps closing the connection; see its log. Affetto retries less often."
    return (f"Another client with the id {client_id!r} seems to be connected to the MQTT broker at {address}, and each "
            "disconnects the other; give one of the devices another device.id. Affetto retries less often.")


def too_large(address: str, sent: Sent) -> str:
    """The broker closes the connection when it receives this message."""
    return (f"The MQTT broker at {address} closes the connection when it receives {sent.topic} ({sent.size:,} bytes); "
            "the message seems too large for it. Affetto leaves such messages out. To send them, raise the broker's "
            "limit (max_packet_size in Mosquitto) and restart Affetto.")
