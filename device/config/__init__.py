"""The settings: their schema, the files that hold them, and the file on the boot partition."""
