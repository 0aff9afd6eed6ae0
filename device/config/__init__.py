"""The settings.

    schema    every setting with its default and limits      files    which files hold them on this machine
    reader    YAML files as dataclasses, with every mistake  values   one value, within its limits
    editor    changes values in the text of a file           boot/    `affetto boot`: the file on the boot partition
    contradictions   settings that are valid alone but not together
"""
