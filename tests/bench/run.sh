#!/bin/sh
# run.sh [--publish] [ARGUMENTS OF bench]: build mring and its peers' adapters, run all works, and write to build/bench/results: results.csv,
# summary.csv, ratios.csv, results.json, a plot (SVG) for each family of works, and a page of tables (README.md). --publish: put page and
# plots into ring/doc/bench too.
#
# With all set-up, on Debian 12 as root or with sudo. It takes a quarter of an hour (`-r 1 -t 0.02`: three minutes, for a look; `-w stream`: a
# part), and means something on a quiet machine only, with two processors at least that are not two threads of one.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
folder=build/bench/results
page=ring/doc/bench
publish=
if [ "${1-}" = --publish ]; then
    publish=yes
    shift
fi

sh tests/install.sh gcc g++ make cmake pkg-config libck-dev libcmocka-dev libjansson-dev gnuplot-nox \
    libdpdk-dev libboost-dev libzmq3-dev libiceoryx-binding-c-dev iceoryx

cmake --preset release -B build/bench >/dev/null
cmake --build build/bench --target bench bench-groups bench-wait bench-fork bench-semaphore -j "${MRING_JOBS:-2}" >/dev/null

rm -rf "$folder"
mkdir -p "$folder"

# iceoryx has a daemon, which leaves its memory behind when it is killed.
iox-roudi -l off -c tests/bench/iceoryx.toml >"$folder/iceoryx.log" 2>&1 &
daemon=$!
trap 'kill "$daemon"; wait "$daemon" || :' EXIT
while ! grep -q 'ready for clients' "$folder/iceoryx.log"; do
    kill -0 "$daemon" || exit 1
    sleep 0.1
done

status=0
build/bench/tests/bench/bench -o "$folder" "$@" || status=$?
[ -e "$folder/results.csv" ] || exit $status # it was asked for something else
for table in "$folder"/*.dat; do
    gnuplot -e "folder='$folder'; name='$(basename "$table" .dat)'" tests/bench/plot.gp
done
echo "results: $folder"

if [ -n "$publish" ]; then
    rm -rf "$page"
    mkdir -p "$page"
    cp "$folder"/README.md "$folder"/*.svg "$page"
    echo "published: $page"
fi
exit $status
