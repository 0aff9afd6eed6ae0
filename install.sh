#!/usr/bin/env bash
# Sets Affetto up and runs one job: the demo or the tests in this clone, or the service of this machine.
# `./install.sh --help` lists the jobs.
#
# In order: refuse unsuitable machines before any change; install missing Debian packages; create a virtual environment
# in .venv; run the job and return its exit code. Each step is skipped if it is already done, so a second run is quick.
# The service gets a copy of this clone with its own virtual environment in /opt/affetto; device/setup has the code.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
venv=$here/.venv
policy=/usr/sbin/policy-rc.d
free_needed_mb=1500

help() {
    cat <<'END'
Affetto sees the mood of a room and plays the music that fits.

  ./install.sh --demo [options of `affetto demo`]
        Set up, and run the whole program with rendered people (or your webcam) and its own music: it
        finds faces, works out moods, chooses tracks and publishes everything over MQTT. It needs no
        camera, sound card or MQTT broker. Press Ctrl-C to end it.
        ./install.sh --demo --seconds 30      end after 30 seconds, with a summary

  ./install.sh --test [options of pytest]
        Set up, and run the tests.
        ./install.sh --test -k mood -x        run only tests about mood, up to the first failure

  sudo ./install.sh --install
        Make this machine the appliance: install Affetto in /opt/affetto, and start it now and at
        every boot. You can repeat this; it never overwrites your settings.
  sudo ./install.sh --upgrade
        The same with a newer clone. If the new version does not run properly, the old one is restored.
        Options of both:
        --offline WHEELS      no network: take Python packages (and *.deb) from this folder
        --any-board           try a board that is not known to work
  ./install.sh --check        check the installation; changes nothing
  sudo ./install.sh --uninstall [--purge]
        Remove the program; with --purge also its settings and data. Your music stays.

You need Debian 12 or 13, Raspberry Pi OS or a derivative, 64 bit (x86-64 or ARM), 1.5 GB of free disk
space, a network, and root or sudo for the Debian packages (python3, libVLC, Snapcast, mosquitto).

For --demo and --test everything else goes into the folder .venv of this clone: `rm -r .venv` undoes it,
and nothing starts at boot. Afterwards `.venv/bin/affetto --help` lists what the program can do.
END
}

say() { printf '%s\n' "$*"; }

refuse() {
    printf 'install.sh: %s\n' "$*" >&2
    exit 1
}

# --- Refuse what cannot work, before any change -------------------------------------------------------------------

check_system() {
    command -v apt-get >/dev/null && command -v dpkg-query >/dev/null ||
        refuse "this is not Debian or a derivative (there is no apt-get). Use Debian 12 or 13, or Raspberry Pi OS."
    case $(dpkg --print-architecture) in
        amd64 | arm64) ;;
        *) refuse "this system is $(dpkg --print-architecture); Affetto needs a 64-bit one (amd64 or arm64)." \
            "On a Raspberry Pi 3 or newer, flash the 64-bit edition of Raspberry Pi OS." ;;
    esac
}

# Sets `python` to the first interpreter in PATH that is new enough; leaves it empty where there is none.
find_python() {
    local candidate
    while read -r candidate; do
        python=$candidate
        ! "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || return 0
    done < <(type -aP python3)
    [ -z "$python" ] || refuse "Python 3.11 or newer is needed, and this machine has $("$python" --version)." \
        "Debian 12 and 13 come with one that is new enough."
}

check_space() {
    local folder free_mb
    for folder in "$@"; do
        free_mb=$(($(df -Pk "$folder" | awk 'NR == 2 { print $4 }') / 1024))
        [ "$free_mb" -ge "$free_needed_mb" ] ||
            refuse "the disk of $folder has $free_mb MB free, and setting up needs $free_needed_mb MB." \
                "Make room (\`sudo apt-get clean\` is a start) and run this again."
    done
}

check_rights() {
    [ "$(id -u)" = 0 ] || command -v sudo >/dev/null ||
        refuse "installing ${packages[*]} needs root, and there is no sudo here. Run this as root."
}

# --- Running things ---------------------------------------------------------------------------------------------

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Under sudo, the virtual environment still belongs to the owner of the clone.
as_owner() {
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ]; then sudo -H -u "$owner" -- "$@"; else "$@"; fi
}

show_time() { # WORDS: shows every second how far a step is, until it is killed; for terminals
    local begun=$SECONDS
    while sleep 1 >/dev/null 2>&1; do
        printf '\r\033[K%s (%d s) %.60s' "$1" $((SECONDS - begun)) "$(tail -n 1 "$log" | tr -d '\r')"
    done
}

# However this script ends, it removes its temporary files.
tidy() {
    [ -z "$ticker" ] || kill "$ticker" 2>/dev/null || true
    ! $holding || as_root rm -f "$policy"
}
ticker=""
holding=false
trap tidy EXIT

step() { # WORDS COMMAND...: runs it with its output in the log; shows the end of the log if it fails
    local words=$1 begun=$SECONDS failed=0
    shift
    if [ -t 1 ]; then
        show_time "$words" &
        ticker=$!
    else
        say "$words ..."
    fi
    "$@" >>"$log" 2>&1 </dev/null || failed=$?
    if [ -n "$ticker" ]; then
        kill "$ticker" 2>/dev/null || true
        wait "$ticker" 2>/dev/null || true
        ticker=""
        printf '\r\033[K'
    fi
    if [ "$failed" = 0 ]; then
        say "$words: done in $((SECONDS - begun)) s"
    else
        say "$words: failed after $((SECONDS - begun)) s. The end of $log:"
        tail -n 15 "$log" | sed 's/^/    /'
    fi
    return "$failed"
}

# --- Debian packages --------------------------------------------------------------------------------------------

installed() { [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# Only Raspberry Pi OS has picamera2 in its archive.
on_raspberry_pi_os() { grep -qs 'archive\.raspberrypi\.' /etc/apt/sources.list /etc/apt/sources.list.d/*; }

# Whether libVLC can be loaded: somebody may have deleted files of a package that is installed.
libvlc_loads() {
    "$python" -c 'import ctypes, glob, sys; ctypes.CDLL("libvlc.so.5")
sys.exit(not glob.glob("/usr/lib/*/vlc/plugins/*/*.so"))' 2>/dev/null
}

# Sets `packages` to what is missing, and `again` to --reinstall if a package has lost files.
list_packages() { # PACKAGE...: besides those that Affetto always needs
    # libvlc-bin makes the list of plugins; without it, libVLC loads all 300 plugins at each start.
    # snapserver and snapclient play one sound on all devices of a group.
    local wanted=(ca-certificates libvlc5 libvlc-bin vlc-plugin-base snapserver snapclient "$@") package
    packages=()
    if [ -z "$python" ]; then
        wanted+=(python3 python3-venv)
    elif ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
        wanted+=(python3-venv)
    fi
    ! on_raspberry_pi_os || wanted+=(python3-picamera2)
    for package in "${wanted[@]}"; do
        installed "$package" || packages+=("$package")
    done
    if [ ${#packages[@]} = 0 ] && ! libvlc_loads; then
        packages=(libvlc5 libvlccore9 libvlc-bin vlc-plugin-base)
        again=--reinstall
    fi
}

apt() { as_root env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 apt-get -q -o DPkg::Lock::Timeout=120 "$@"; }

# These packages start a service, now and at every boot. Affetto does not want that: it starts the programs itself,
# with its own settings, when it needs them. It mounts with NFS 4, or reads NFS 3 without locks, so it never needs
# rpcbind, which comes with nfs-common and listens on the network. A service that exists already stays as it is.
own_services=(mosquitto snapserver snapclient rpcbind)

# Sets `held` to those that are about to be installed, and keeps them from starting.
hold_services() {
    local service coming=" ${packages[*]} "
    [[ $coming != *" nfs-common "* ]] || installed rpcbind || coming+="rpcbind "
    held=()
    for service in "${own_services[@]}"; do
        [[ $coming != *" $service "* ]] || held+=("$service")
    done
    [ ${#held[@]} -gt 0 ] && [ ! -e "$policy" ] || return 0
    holding=true
    {
        printf '#!/bin/sh\nfor word; do\n    case ${word%%%%.*} in\n'
        printf '        %s) exit 101 ;;\n' "${held[@]}"
        printf '    esac\ndone\n'
    } | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
}

release_services() {
    local service
    ! $holding || as_root rm -f "$policy"
    holding=false
    for service in "${held[@]}"; do
        if command -v systemctl >/dev/null; then
            as_root systemctl disable --quiet "$service.service" 2>>"$log" || true
            as_root systemctl disable --quiet "$service.socket" 2>>"$log" || true # only rpcbind has one
        fi
        say "$service is installed, and its service is off: Affetto does not need it, or starts its own."
    done
}

check_candidate() {
    local version
    [ -z "$python" ] || return 0
    version=$(LC_ALL=C apt-cache policy python3 | awk '/Candidate:/ { print $2 }')
    dpkg --compare-versions "${version:-0}" ge 3.11 ||
        refuse "Python 3.11 or newer is needed, and apt offers ${version:-none}. Use Debian 12 or 13."
}

install_packages() {
    [ ${#packages[@]} -gt 0 ] || return 0
    check_rights
    [ "$(id -u)" = 0 ] || say "sudo may ask for your password, to install: ${packages[*]}"
    as_root true || refuse "sudo did not let us install ${packages[*]}. Run this as root, or as a user who may use sudo."
    if [ -n "$wheels" ]; then
        hold_services
        # With no sources apt takes nothing from an archive that it knows. Not --no-download: apt 3 then loses the paths.
        step "Installing the Debian packages in $wheels" apt install -y --no-install-recommends \
            -o Dir::Etc::SourceList=/dev/null -o Dir::Etc::SourceParts=/dev/null "$wheels"/*.deb ||
            refuse "apt could not install the packages in $wheels; the lines above say what it misses."
        release_services
        find_python
        return
    fi
    # An old list may do (one third-party source may be broken), so go on and let the installation decide.
    step "Reading the lists of Debian packages" apt update ||
        say "Some lists could not be fetched; going on with the old ones."
    check_candidate
    hold_services
    # shellcheck disable=SC2086 # no option is no word
    step "Installing ${packages[*]}" apt install -y $again --no-install-recommends "${packages[@]}" ||
        refuse "apt could not install the packages; the lines above say why. Without a network there is nothing to" \
            "fetch them from: connect this machine and run this again. Nothing else was changed."
    release_services
    find_python
}

# --- The virtual environment ------------------------------------------------------------------------------------

# apt's picamera2 exists only outside of virtual environments, so ours includes the system's packages where it is.
venv_options() { if installed python3-picamera2; then echo "--system-site-packages"; fi; }

make_venv() {
    local options stamp=$venv/affetto-venv mark
    options=$(venv_options)
    mark="$here $("$python" -VV) $options"
    [ "$(cat "$stamp" 2>/dev/null)" != "$mark" ] || return 0
    # shellcheck disable=SC2086 # no option is no word
    step "Making the virtual environment .venv" as_owner "$python" -m venv --clear $options "$venv" ||
        refuse "the virtual environment could not be made in $venv; the lines above say why."
    as_owner tee "$stamp" <<<"$mark" >/dev/null
}

install_project() { # EXTRA: empty, or [test]
    local stamp=$venv/affetto-installed$1 mark
    mark=$(sha256sum "$here/pyproject.toml")
    [ "$(cat "$stamp" 2>/dev/null)" != "$mark" ] || return 0
    step "Installing the Python packages" as_owner "$venv/bin/python" -m pip install --disable-pip-version-check \
        --progress-bar off ${wheels:+--no-index --find-links "$wheels"} -e "$here$1" ||
        refuse "pip could not install the packages; the lines above say why. It needs a network that reaches the Python" \
            "package index, and free disk. Run this again when both are there: it goes on where it stopped."
    as_owner tee "$stamp" <<<"$mark" >/dev/null
}

set_up() { # EXTRA
    check_system
    find_python
    [ -e "$venv/affetto-installed$1" ] || check_space "$here" /usr
    list_packages mosquitto
    log=$(mktemp "${TMPDIR:-/tmp}/affetto-install.XXXXXX")
    chmod 644 "$log"
    install_packages
    make_venv
    install_project "$1"
    rm -f "$log"
}

# --- Jobs -------------------------------------------------------------------------------------------------------

clone=$here
python=""
again=""
wheels=""
board=""
owner=${SUDO_USER:-root}

job=${1:-}
[ $# = 0 ] || shift
# Debian's folders for mosquitto are not in every user's PATH.
PATH=$PATH:/usr/sbin:/sbin
case $job in
    --demo)
        set_up ""
        exec "$venv/bin/affetto" demo "$@"
        ;;
    --test)
        set_up "[test]"
        cd "$here"
        exec "$venv/bin/python" -m pytest "$@"
        ;;
    --install | --upgrade)
        # shellcheck source=device/setup/service.sh
        . "$here/device/setup/service.sh"
        read_options "$@"
        if [ "$job" = --upgrade ]; then install_service "$job"; else install_service; fi
        ;;
    --check | --uninstall)
        . "$here/device/setup/service.sh"
        [ "$job" = --check ] || [ "$(id -u)" = 0 ] || refuse "only root can remove a service: sudo ./install.sh $job"
        find_python
        [ -n "$python" ] || refuse "there is no python3 here, so Affetto is not installed."
        setup "${job#--}" "$@"
        ;;
    --help | -h)
        help
        ;;
    "")
        help
        exit 2
        ;;
    *)
        printf 'install.sh: %s is not one of --demo, --test, --install, --upgrade, --check, --uninstall and --help.\n' "$job" >&2
        exit 2
        ;;
esac
