"""The music: what is on the disks, what it sounds like, which of it fits, and how it comes to be heard.

A room for each subject; each knows only those before it in this list, and a test holds that:

- `reading`: what one file says of itself: tags, cover, and the key of its content;
- `analysis`: what it sounds like: from the decoded sound to a place in the plane of valence and arousal;
- `workers`: the processes in which both of that happens, because anybody may have made the files;
- `catalogue`: all files on the disks, and what is known of them; it gives out the library;
- `choosing`: which track of the library comes next, for whom, and why;
- `sound`: from decoded samples to a sound device;
- `playing`: the player itself, which takes orders and decodes with libVLC.

track_mood.py, what analysis finds out, is shared by those who hear, carry and keep it.
"""
