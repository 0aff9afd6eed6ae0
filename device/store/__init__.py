"""What survives a restart and a power cut: switches, the history of listens, the position in the song."""
