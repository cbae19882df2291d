#!/bin/sh
# debs.sh ARCHITECTURE FOLDER PACKAGE...: unpack packages of Debian 12 for this architecture into FOLDER; PACKAGE/bookworm-backports
# is one of its backports, PACKAGE: what that one stands for, whose name changes. Nothing is installed, and the system's own lists are left alone: apt gets a state of its own.
set -eu
architecture=$1
folder=$2
shift 2

apt=$folder.apt
rm -rf "$folder" "$apt"
mkdir -p "$folder" "$apt/lists/partial" "$apt/cache/archives/partial" "$apt/debs"
: >"$apt/status"
for suite in bookworm bookworm-backports; do
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://deb.debian.org/debian $suite main"
done >"$apt/sources.list"
cat >"$apt/apt.conf" <<END
APT::Architecture "$architecture";
APT::Architectures { "$architecture"; };
APT::Sandbox::User "";
Dir::Etc::SourceList "$apt/sources.list";
Dir::Etc::SourceParts "-";
Dir::State "$apt";
Dir::State::Lists "$apt/lists";
Dir::State::status "$apt/status";
Dir::Cache "$apt/cache";
END
APT_CONFIG=$apt/apt.conf
export APT_CONFIG
apt-get -q update
for package; do
    shift
    case $package in
    *:) package=$(apt-cache depends "${package%:}" | sed -n 's/^ *Depends: //p') ;;
    esac
    set -- "$@" "$package"
done
(cd "$apt/debs" && apt-get -q download "$@")
for package in "$apt"/debs/*.deb; do
    dpkg -x "$package" "$folder"
done
rm -rf "$apt"
