#!/bin/sh
# debs.sh ARCHITECTURE FOLDER PACKAGE...: unpack Debian packages of a foreign architecture into FOLDER. Nothing is installed, and
# the system's own package lists are left alone: apt gets lists and a state of its own.
set -eu
architecture=$1
folder=$2
shift 2

apt=$folder.apt
rm -rf "$folder" "$apt"
mkdir -p "$folder" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
: >"$apt/status"
cat >"$apt/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
END
APT_CONFIG=$apt/apt.conf
export APT_CONFIG
apt-get -q update
(cd "$apt/debs" && apt-get -q download "$@")
for package in "$apt"/debs/*.deb; do
    dpkg -x "$package" "$folder"
done
rm -rf "$apt"
