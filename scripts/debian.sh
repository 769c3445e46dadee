# Read by the scripts that install Debian's packages: as root, or by a sudo that asks no password.
# shellcheck shell=bash

as_root=()

become_root() {
    [ "$(id -u)" -eq 0 ] && return
    command -v sudo >/dev/null 2>&1 && sudo -n true 2>/dev/null || return 1
    as_root=(sudo -n)
}

apt() { "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 apt-get -qq "$@"; }

# Debian starts a package's services as it installs them unless this file forbids it; the tests start their own.
# https://people.debian.org/~hmh/invokerc.d-policyrc.d-specification.txt
guard=/usr/sbin/policy-rc.d
guard_is_ours=

hold_services() {
    [ ! -e "$guard" ] || return 0
    guard_is_ours=yes
    trap release_services EXIT
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$guard" >/dev/null
    "${as_root[@]}" chmod 755 "$guard"
}

release_services() {
    [ -z "$guard_is_ours" ] || "${as_root[@]}" rm -f "$guard"
}
