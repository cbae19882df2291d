#!/bin/sh
# run.sh [ARGUMENTS OF bench]: build mring and its peers' adapters, run all works, and write to build/bench/results: results.csv,
# summary.csv, results.json, and a plot (SVG) for each family of works.
#
# With all set-up, on Debian 12 as root or with sudo. It takes some minutes, and means something on a quiet machine only.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
folder=build/bench/results

sh tests/install.sh gcc g++ make cmake pkg-config libck-dev libcmocka-dev libjansson-dev gnuplot-nox \
    libdpdk-dev libboost-dev libzmq3-dev libiceoryx-binding-c-dev iceoryx

cmake --preset release -B build/bench >/dev/null
cmake --build build/bench --target bench -j "${MRING_JOBS:-2}" >/dev/null

rm -rf "$folder"
mkdir -p "$folder"

# iceoryx has a daemon, which leaves its memory behind when it is killed.
iox-roudi -l off >"$folder/iceoryx.log" 2>&1 &
daemon=$!
trap 'kill "$daemon"; wait "$daemon" || :' EXIT
while ! grep -q 'ready for clients' "$folder/iceoryx.log"; do
    kill -0 "$daemon" || exit 1
    sleep 0.1
done

status=0
build/bench/tests/bench/bench -o "$folder" "$@" || status=$?
for table in "$folder"/*.dat; do
    name=$(basename "$table" .dat)
    gnuplot -e "folder='$folder'; name='$name'" tests/bench/plot.gp
done
echo "results: $folder"
exit $status
