"""The parts of tools/build_image.py: Affetto put into a Raspberry Pi OS image, ready to boot without a network.

The one way that was chosen: *nothing of the image is run, and nothing of it is mounted*. Its two file systems are
read and written where they lie in the file, by the tools that belong to them: debugfs and resize2fs (ext4), mtools
(FAT). What install.sh needs is laid into /opt/affetto-image: this clone, the Python wheels and the Debian packages that
are missing in just this image. At its first boot the card installs itself from there with
`install.sh --install --offline` (first-boot, affetto-first-boot.service).

Why not install at build time? It takes root and a chroot, with an emulated processor on any machine that is not itself
a 64-bit ARM one, and runs maintainer scripts in a system that has not booted: a second way to install, which no board
tests. This way takes no root, no loop device and no emulation, and install.sh is the only installer. It costs some
minutes at the first boot, once.

    source.py    an image file, packed or not, becomes OUT.part
    table.py     its partition table
    ext4.py      its root file system        fat.py     its boot partition
    system.py    what Debian it is, and whether that will do
    wheels.py    Python packages for it      debs.py    Debian packages for it
    payload.py   what is laid into it, and where
    debian.py    without an image: a small bootable Debian, for tests
    steps.py     running commands, showing progress, refusing
"""
