"""The player: takes commands, decodes tracks with libVLC, and says in events what becomes of them.

player.py says what a player is; vlc_player.py is the real one and fake_player.py the one without sound. engine.py
decides which of the open tracks is heard, decoder.py is one open track, stream.py is libVLC decoding it, and seeking.py
knows how to reach a place in a file. Everything behind the decoder, from the mix to the device, is in
device/music/audio.
"""
