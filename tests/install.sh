#!/bin/sh
# install.sh PACKAGE...: install those of these packages that are missing: Debian's with apt-get, on macOS Homebrew's.
set -eu

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

missing=
if [ "$(uname -s)" = Darwin ]; then
    command -v brew >/dev/null 2>&1 || fail "Homebrew is needed to install: $*"
    for package; do
        brew list --versions "$package" >/dev/null 2>&1 || missing="$missing $package"
    done
    # The names are words, to be split.
    # shellcheck disable=SC2086
    [ -z "$missing" ] || brew install $missing || fail "could not install:$missing"
    exit 0
fi

command -v apt-get >/dev/null 2>&1 || fail "this is neither Debian nor macOS; install by hand: $*"
for package; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] ||
        missing="$missing $package"
done
[ -n "$missing" ] || exit 0

sudo=
if [ "$(id -u)" -ne 0 ]; then
    command -v sudo >/dev/null 2>&1 || fail "not root, and no sudo; install as root: apt-get install$missing"
    sudo=sudo
fi
echo "installing:$missing"
log=$(mktemp)
# shellcheck disable=SC2086
if ! { $sudo apt-get -q update &&
    $sudo env DEBIAN_FRONTEND=noninteractive apt-get -q -y install --no-install-recommends $missing; } \
    >"$log" 2>&1 </dev/null; then
    cat "$log"
    rm -f "$log"
    fail "could not install:$missing"
fi
rm -f "$log"
