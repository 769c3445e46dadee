#!/usr/bin/env bash
# Builds the real kube-apiserver and kube-controller-manager 1.20.2 that tests/kubernetes talks to, from Debian 12's
# source package, once: they are kept, with the etcd they need, in a folder of this user's cache, whose path it prints.
# Takes six minutes on two cores and 3 GB of disk while it builds, 250 MB after that.
# Exit 0: they are there; 1: they cannot be had, and why.
set -euo pipefail

version=1.20.2
programs=(kube-apiserver kube-controller-manager)
packages=(golang-1.19-go etcd-server rsync jq make gcc libc6-dev dpkg-dev ca-certificates)
room_kib=$((3 * 1024 * 1024))

cache=${XDG_CACHE_HOME:-$HOME/.cache}/alert-manager/kubernetes-${version%.*}
work=$cache/build

built() {
    local program
    for program in "${programs[@]}"; do
        [ -x "$cache/$program" ] || return 1
    done
    command -v etcd >/dev/null 2>&1
}

give_up() {
    {
        echo "**********************************************************************"
        echo "* There is no real Kubernetes $version to test with."
        echo "* $1"
        echo "* It is built on Debian 12 alone, with: ${packages[*]}"
        echo "* Elsewhere put ${programs[*]} into $cache,"
        echo "* and etcd on the PATH."
        echo "**********************************************************************"
    } >&2
    exit 1
}

if built; then echo "$cache"; exit 0; fi

mkdir -p "$cache"
exec 9>"$cache/lock"
flock 9  # Whoever comes second waits here, and then finds what the first made.
if built; then echo "$cache"; exit 0; fi

# shellcheck source=scripts/debian.sh
. "$(dirname "$0")/debian.sh"

lacking=()
for package in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q ' installed$' || lacking+=("$package")
done
if [ ${#lacking[@]} -gt 0 ]; then
    become_root || give_up "Installing ${lacking[*]} needs root or a sudo that asks no password."
    hold_services
    apt update >&2 || give_up "apt-get update failed."
    apt install -y --no-install-recommends "${lacking[@]}" >&2 || give_up "apt-get install ${lacking[*]} failed."
fi
if built; then echo "$cache"; exit 0; fi

[ "$(df -Pk "$cache" | awk 'NR == 2 { print $4 }')" -gt "$room_kib" ] ||
    give_up "Building takes 3 GB, and $cache is on a disk with less."

trap 'rm -rf "$work"; release_services' EXIT
trap 'exit 1' INT TERM
rm -rf "$work"
mkdir -p "$work/lists/partial" "$work/archives/partial"

# A list of sources of its own: the machine's need not name source packages, and stay as they are.
keyring=/usr/share/keyrings/debian-archive-keyring.gpg
[ -r "$keyring" ] || give_up "There is no $keyring to check Debian's source package with."
mirror=${DEBIAN_MIRROR:-http://deb.debian.org/debian}
echo "deb-src [signed-by=$keyring] $mirror bookworm main" >"$work/sources.list"
cd "$work"
sources=(-qq -o "Dir::Etc::sourcelist=$work/sources.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$work/lists"
    -o "Dir::Cache=$work" -o APT::Sandbox::User=)
apt-get "${sources[@]}" --error-on=any update >&2 || give_up "The list of Debian's source packages cannot be had from $mirror."
apt-get "${sources[@]}" source --only-source kubernetes >&2 ||
    give_up "Debian's source package of kubernetes cannot be had, or not unpacked."

# Debian calls it 1.20.5+really1.20.2.
cd "$work"/kubernetes-*"$version"/ || give_up "Debian 12's kubernetes is not $version any more."
cat >"$work/version" <<EOF
KUBE_GIT_COMMIT=debian
KUBE_GIT_TREE_STATE=archive
KUBE_GIT_VERSION=v$version
KUBE_GIT_MAJOR=1
KUBE_GIT_MINOR=20
EOF
echo "Building ${programs[*]} $version: about six minutes on two cores; all it says is in $cache/build.log" >&2
env PATH="/usr/lib/go-1.19/bin:$PATH" GOPROXY=off CGO_ENABLED=0 GOCACHE="$work/go-cache" GOLDFLAGS='-s -w' \
    KUBE_GIT_VERSION_FILE="$work/version" \
    nice -n 10 make WHAT="$(printf 'cmd/%s ' "${programs[@]}")" >"$cache/build.log" 2>&1 ||
    give_up "The build failed: $(tail -n 1 "$cache/build.log") (all of it: $cache/build.log)"

for program in "${programs[@]}"; do
    # Moved, so that no half of one is ever found under its name.
    mv "_output/bin/$program" "$cache/$program"
done
built || give_up "The build ended well, yet programs are missing."
echo "$cache"
