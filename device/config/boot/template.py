"""The `affetto.yaml` that lies on a freshly flashed boot partition. Plain text; `affetto boot --template` prints it."""

TEMPLATE = """\
# Affetto reads this file at every start. Take away the # in front of a line to make it count; keep the spaces before
# it. If something is wrong here, affetto-errors.txt appears beside this file and says what and in which line, and the
# device goes on with what it had. Change this file as often as you like: it counts from the next start on.
#
# Not in here: Wi-Fi, user names and the time zone. Raspberry Pi Imager asks for them when you flash the card.
# Every other setting of /etc/affetto/config.yaml may be added too, in its section.

device:
  # Name in MQTT topics: small letters, digits, - and _. Two devices at one broker need two names.
  #id: "affetto"
  # Name shown to people, in Home Assistant for instance.
  #name: "Living room music"
  # Room; all devices of a room can be commanded together.
  #room: "living room"

mqtt:
  # The broker that Home Assistant uses, by name or address. Without it the device looks for one in your network (mDNS).
  #host: "homeassistant.local"
  #port: 1883
  #username: "affetto"
  # At the next start the password moves into the device and is wiped from this file.
  #password: "secret"

camera:
  # The camera stays off until somebody consents: here with true, in Home Assistant, or over MQTT. No picture leaves
  # the device or is stored in it. Switched off in Home Assistant it stays off, also after a restart.
  #enabled: false

music:
  # Folders with music; /media/*/* is every USB drive.
  #folders: ["/srv/music", "/media/*/*"]

player:
  # Volume in percent until somebody changes it, and the volume that is never passed.
  #volume: 30
  #max_volume: 70
  # Sound card, by its name in `aplay -L`; without it the first one.
  #output: alsa
  #device: "plughw:CARD=Headphones"
"""
