"""What one music file says of itself: names, mood words, loudness, cover; and the key by which its content is known.

Nothing here reads more than the file that it is given; only cover.py looks into its folder, too. Tags and covers are
read in a process of their own (device/music/workers), because anybody may have made the file.
"""
