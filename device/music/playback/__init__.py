"""The player: takes commands, decodes tracks with libVLC, and says in events what becomes of them.

player.py says what a player is; vlc_player.py is the real one and fake_player.py the one without sound. engine.py
decides which of the open tracks is heard, decoder.py is one open track, stream.py is libVLC decoding it, and seeking.py
knows how to reach a place in a file. reports.py tells the core where the music is. speaker.py lets an announcement be
heard over the music. closing.py closes decoders. Everything behind the decoder, from the mix to the device, is in
device/music/audio.

Media from outside: libVLC never opens an address. web_source.py fetches it over HTTP, with limits on time, size,
redirects and schemes; web_playlist.py reads playlists; web_format.py names the one demuxer that libVLC may use;
web_media.py hands libVLC the bytes.
"""
