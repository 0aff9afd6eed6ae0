# The jobs of install.sh for the service of this machine; install.sh reads this file, and the jobs use its steps. In
# order: look for everything that could stand in the way, install Debian packages, copy this clone beside the older
# versions, fill its virtual environment, and call `device.setup start`, which starts it and goes back if that fails.
# shellcheck shell=bash

setup() { (cd "$clone" && exec "$python" -B -m device.setup "$@"); }

read_options() { # OPTION...: sets `wheels` and `board`
    while [ $# -gt 0 ]; do
        case $1 in
            --offline)
                [ -d "${2:-}" ] || refuse "--offline needs the folder with the packages; ${2:-nothing} is none."
                wheels=$(cd "$2" && pwd)
                shift
                ;;
            --any-board) board=$1 ;;
            *) refuse "$1 is not one of --offline WHEELS and --any-board." ;;
        esac
        shift
    done
}

check_packages() { # the missing ones can be fetched
    [ ${#packages[@]} -gt 0 ] || return 0
    if [ -n "$wheels" ]; then
        compgen -G "$wheels/*.deb" >/dev/null ||
            refuse "these Debian packages are missing: ${packages[*]}. Without a network, put them into $wheels as *.deb."
    else
        local url
        url=$(apt-get indextargets --format '$(REPO_URI)dists/$(RELEASE)/InRelease' 2>/dev/null | head -n 1)
        [ -z "$url" ] || /usr/lib/apt/apt-helper download-file "$url" "$log" >/dev/null 2>&1 ||
            refuse "no network: $url cannot be fetched, and these Debian packages are missing: ${packages[*]}." \
                "Connect this machine and run this again, or bring the packages: --offline WHEELS."
    fi
}

examine() { # --upgrade or nothing
    setup examine "$@" $board ${wheels:+--offline "$wheels"}
    [ -e "$(setup where)/.venv/affetto-installed" ] || check_space /opt /usr
}

install_service() { # --upgrade or nothing
    local bare=false
    [ "$(id -u)" = 0 ] || refuse "only root can install a service: sudo ./install.sh $job"
    umask 022
    exec 9</opt # a lock on the folder itself leaves nothing behind
    flock -n 9 || refuse "another install.sh is running; wait for it."
    check_system
    command -v systemctl >/dev/null ||
        refuse "this system has no systemd, which starts and watches the service. Use a standard Debian, or see the" \
            "program without a service: \`./install.sh --demo\`."
    find_python
    list_packages cifs-utils nfs-common # for music.shares
    log=$(mktemp "${TMPDIR:-/tmp}/affetto-install.XXXXXX")
    check_packages
    if [ -n "$python" ]; then examine "$@"; else check_space /opt /usr; fi
    [ -n "$python" ] || bare=true
    install_packages
    ! $bare || examine "$@"
    here=$(setup place)
    venv=$here/.venv
    owner=root
    make_venv
    install_project ""
    rm -f "$log"
    exec 9>&- # the service must not inherit the lock
    setup start "$here"
}
