"""The music: what is on the disks, what it sounds like, which of it fits, and how it reaches the loudspeaker.

Each package has one subject. The packages import only those that come before them in this list, and a test holds that:

- `metadata`: what one file says of itself: tags, cover, and the key of its content;
- `analysis`: what it sounds like: from decoded sound to a point in the plane of valence and arousal;
- `workers`: the processes in which both happen, because anybody may have made the files;
- `library`: all files on the disks, and what is known of them;
- `recommend`: which track of the library comes next, for whom, and why;
- `audio`: from decoded samples to a sound device;
- `snapcast`: from decoded samples to the sound devices of a whole group, at the same time;
- `playback`: the player, which decodes with libVLC.

They share `track_mood`, what analysis finds out, and `uri`.
"""
