"""The data that survives a restart and a power cut: settings, the history of listens, the position in the song."""
