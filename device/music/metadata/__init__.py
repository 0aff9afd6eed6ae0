"""The tags, mood words, loudness and cover of one music file, and the key that identifies its content.

`reader` puts `Tags` together: `layers` are the tags in and around the file (mutagen), `fields` what the formats call
them, `mood_words` and `replaygain` what they mean, `duration` how long the file sounds; `ffmpeg` reads what mutagen
cannot. Nothing here reads more than the file it is given; only `cover` looks into its folder, too. Tags and covers are
read in a process of their own (device/music/workers), because anybody may have made the file.
"""
