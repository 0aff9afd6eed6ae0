"""The settings.

    schema    every setting with its default and limits      files    which files hold them on this machine
    reader    YAML files as dataclasses, with every mistake  values   one value, within its limits
    boot/     `affetto boot`: the file on the boot partition
"""
