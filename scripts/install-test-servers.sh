#!/usr/bin/env bash
# Installs the real Prometheus, Alertmanager and PostgreSQL that the tests talk to, from Debian's packages, where this user may.
# Exit 0: they are there, or cannot be had (then said loudly); 1: they cannot be had and CI=true.
set -euo pipefail

programs=(prometheus promtool prometheus-alertmanager amtool)
servers=(initdb postgres)
packages=(prometheus prometheus-alertmanager postgresql)

missing() {
    local program
    for program in "${programs[@]}"; do
        command -v "$program" >/dev/null 2>&1 || printf '%s ' "$program"
    done
    # Debian keeps PostgreSQL's off the PATH, in a folder for each version.
    for program in "${servers[@]}"; do
        compgen -G "/usr/lib/postgresql/*/bin/$program" >/dev/null || command -v "$program" >/dev/null 2>&1 ||
            printf '%s ' "$program"
    done
}

give_up() {
    {
        echo "**********************************************************************"
        echo "* The real test servers are missing: $(missing)"
        echo "* $1"
        echo "* On Debian or Ubuntu, as root:"
        echo "*     apt-get install -y --no-install-recommends ${packages[*]}"
        echo "* Elsewhere put these programs on the PATH: ${programs[*]} ${servers[*]}"
        echo "* (Alertmanager's program is called prometheus-alertmanager, as Debian has it.)"
        echo "* Until then the tests that need them are NOT RUN."
        echo "**********************************************************************"
    } >&2
    if [ "${CI:-}" = true ]; then exit 1; fi
    exit 0
}

[ -n "$(missing)" ] || exit 0

command -v apt-get >/dev/null 2>&1 || give_up "There is no apt-get here to install them with."
# shellcheck source=scripts/debian.sh
. "$(dirname "$0")/debian.sh"
become_root || give_up "Installing them needs root or a sudo that asks no password."
hold_services

# Debian makes a cluster as it installs PostgreSQL unless this file forbids it; the tests make their own, and who has
# set it otherwise keeps that. https://manpages.debian.org/bookworm/postgresql-common/pg_createcluster.1.en.html
cluster=/etc/postgresql-common/createcluster.conf
if [ ! -e "$cluster" ]; then
    "${as_root[@]}" mkdir -p "${cluster%/*}"
    echo 'create_main_cluster = false' | "${as_root[@]}" tee "$cluster" >/dev/null
fi

apt update || give_up "apt-get update failed."
apt install -y --no-install-recommends "${packages[@]}" >/dev/null || give_up "apt-get install failed."
[ -z "$(missing)" ] || give_up "The packages were installed, yet programs are missing."
echo "Installed: ${packages[*]}"
