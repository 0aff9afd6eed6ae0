"""The player: takes orders, decodes tracks with libVLC, and tells with events what becomes of them.

player.py says what a player is; vlc_player.py is the real one and fake_player.py the one without sound. A track that is
open is a decoder; engine.py decides which of them is heard. Everything behind it, from the mix to the device, is in
device/music/sound.
"""
