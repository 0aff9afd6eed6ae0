"""The `affetto.yaml` of a freshly flashed boot partition. Plain text; `affetto boot --template` prints it."""

TEMPLATE = """\
# Affetto reads this file at every start. To use a line, remove the # in front of it and keep the spaces before that.
# If there is a mistake, affetto-errors.txt appears beside this file and names the line, and the device goes on with its
# last settings. Change this file as often as you like, and restart the device.
#
# Raspberry Pi Imager asks for Wi-Fi, user name and time zone when you flash the card; they are not in this file.
# You can add every other setting of /etc/affetto/config.yaml here, in its section.

device:
  # Name in MQTT topics: small letters, digits, - and _. Two devices at one broker need different names.
  #id: "affetto"
  # Name shown to people, in Home Assistant for instance.
  #name: "Living room music"
  # Room; one command reaches all devices of a room.
  #room: "living room"

mqtt:
  # Name or address of the broker that Home Assistant uses. Without one, the device looks for it in your network (mDNS).
  #host: "homeassistant.local"
  #port: 1883
  #username: "affetto"
  # At the next start, the device stores the password and wipes it from this file.
  #password: "secret"

camera:
  # The camera stays off until you switch it on: here with true, in Home Assistant, or over MQTT. The device stores no
  # picture and sends none. A camera that you switch off in Home Assistant stays off, also after a restart.
  #enabled: false

music:
  # Folders with music; /media/*/* is every USB drive.
  #folders: ["/srv/music", "/media/*/*"]

page:
  # PIN of the page for phones, http://affetto.local: 4 to 12 digits in quotes. Without one, the device makes a PIN, and
  # writes it to affetto-page.txt beside this file when it starts.
  #pin: "4711"

player:
  # Volume in percent at the first start, and the highest volume that anybody can set.
  #volume: 30
  #max_volume: 70
  # Name of the sound card in `aplay -L`; without one, the first card plays.
  #output: alsa
  #device: "plughw:CARD=Headphones"
"""
