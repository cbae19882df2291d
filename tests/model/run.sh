#!/bin/sh
# run.sh [--all] [MODEL...]: search the models, and what must fail in each. --all adds the searches that take longer.
#
# A base passes if spin searched all of it and found no error. A mutation passes if an error was found. Prints a line for each;
# status 0: all as they must be; 1: not; 77: spin is missing.
set -eu
here=$(cd "$(dirname "$0")" && pwd)

# MODEL VARIANT EXPECTED (whole | error) DEFINES...
variants() {
    cat <<'END'
sleep base whole MEMBERS=2 MESSAGES=3
sleep FALLBACK whole MEMBERS=2 MESSAGES=3 FALLBACK
sleep NO_FENCE error MEMBERS=2 MESSAGES=3 NO_FENCE
sleep NO_RECHECK error MEMBERS=2 MESSAGES=3 NO_RECHECK
sleep NO_REARM error MEMBERS=2 MESSAGES=3 NO_REARM
sleep NO_CHAIN error MEMBERS=2 MESSAGES=3 NO_CHAIN
sleep NO_PASS error MEMBERS=2 MESSAGES=3 NO_PASS
sleep NO_ABSORB error MEMBERS=2 MESSAGES=4 NO_ABSORB
sleep CLEAR_LATE error MEMBERS=2 MESSAGES=3 CLEAR_LATE
sleep TAKE_RELAXED error MEMBERS=2 MESSAGES=3 TAKE_RELAXED
sleep FALLBACK+NO_FENCE error MEMBERS=2 MESSAGES=3 FALLBACK NO_FENCE
sleep FALLBACK+NO_RECHECK error MEMBERS=2 MESSAGES=3 FALLBACK NO_RECHECK
sleep KILL whole MEMBERS=2 MESSAGES=3 KILL
sleep NO_NEXT error MEMBERS=2 MESSAGES=3 KILL NO_NEXT
sleep REACHED error MEMBERS=2 MESSAGES=3 REACHED
claim base whole MEMBERS=2 RECORDS=4 DEATHS=1
claim NO_HELP error MEMBERS=2 RECORDS=3 DEATHS=1 NO_HELP
claim JUDGE_SWAPPED error MEMBERS=2 RECORDS=3 DEATHS=1 JUDGE_SWAPPED
claim HELD_LATE error MEMBERS=2 RECORDS=3 DEATHS=1 HELD_LATE
claim WALK_FIRST error MEMBERS=2 RECORDS=4 DEATHS=0 WALK_FIRST
claim NO_SECOND_LOOK error MEMBERS=2 RECORDS=4 DEATHS=0 NO_SECOND_LOOK
claim BUFFERED whole MEMBERS=2 RECORDS=3 DEATHS=1 BUFFERED
claim LOADS_SWAPPED whole MEMBERS=2 RECORDS=3 DEATHS=1 LOADS_SWAPPED
claim NO_FENCE error MEMBERS=2 RECORDS=4 DEATHS=0 BUFFERED NO_FENCE
claim GATE_SWAPPED error MEMBERS=2 RECORDS=3 DEATHS=1 GATE_SWAPPED
claim INTENT_SWAPPED error MEMBERS=2 RECORDS=3 DEATHS=1 INTENT_SWAPPED
claim REACHED error MEMBERS=2 RECORDS=4 DEATHS=1 REACHED
recover base whole
recover FRESH whole FRESH LEAVES=0
recover NO_CAS error NO_CAS
recover NO_JUDGE error FRESH NO_JUDGE
recover JUDGE_FIRST+NO_TURN error JUDGE_FIRST NO_TURN
recover ORPHANS_EARLY error ORPHANS_EARLY
recover SWAP_LATE error SWAP_LATE
recover NOT_AGAIN error NOT_AGAIN
recover FREE_EARLY error FRESH FREE_EARLY
recover BIT_LATE error FRESH BIT_LATE
recover NO_TALLY error NO_TALLY
recover TALLY_LATE error TALLY_LATE
recover UNCOUNT_FIRST error UNCOUNT_FIRST
recover REACHED error REACHED
commit base whole END=7
commit DEATH whole END=5 DEATH
commit NO_CLEAR error END=7 NO_CLEAR
commit NO_PLUS8 error END=7 NO_PLUS8
commit HEADER_EARLY error END=7 HEADER_EARLY
commit HEADER_RELAXED error END=7 HEADER_RELAXED
commit TAIL_RELAXED error END=7 TAIL_RELAXED
commit FIRST_NOT_LAST error END=5 DEATH FIRST_NOT_LAST
commit NO_WALK error END=5 DEATH NO_WALK
commit REACHED error END=5 DEATH REACHED
room base whole RECORDS=2
room 2-groups whole RECORDS=1 GROUPS=2
room FALLBACK whole RECORDS=2 FALLBACK
room NO_FENCE error RECORDS=2 NO_FENCE
room FALLBACK+NO_FENCE error RECORDS=2 FALLBACK NO_FENCE
room FALLBACK+NO_RECHECK error RECORDS=2 FALLBACK NO_RECHECK
room NO_TRY_ANSWER error RECORDS=2 NO_TRY_ANSWER
room NO_RECHECK error RECORDS=2 NO_RECHECK
room NO_RELEASER_FENCE error RECORDS=2 NO_RELEASER_FENCE
room NO_GRANT error RECORDS=2 NO_GRANT
room NO_ABSORB error RECORDS=2 GROUPS=2 NO_ABSORB
room REACHED error RECORDS=2 REACHED
fenced base whole
fenced ASK_AFTER whole ASK_AFTER
fenced ASK_BEFORE error ASK_BEFORE
fenced NO_ASK error NO_ASK
fenced NO_COME_FENCE error NO_COME_FENCE
fenced STALE error STALE
fenced UNREGISTERED error UNREGISTERED
fenced GO_RELAXED error GO_RELAXED
fenced NO_BOUND error NO_BOUND
fenced REACHED error REACHED
lossy base whole
lossy NO_STORE_FENCE error NO_STORE_FENCE
lossy INTENT_LATE error INTENT_LATE
lossy NO_LOAD_FENCE error NO_LOAD_FENCE
lossy NO_CHECK error NO_CHECK
lossy LOWERED error LOWERED
lossy UNCOVERED error UNCOVERED
lossy REACHED error REACHED
wake base whole
wake NO_WAKER_FENCE error NO_WAKER_FENCE
wake NO_SEMAPHORE_FENCE error NO_SEMAPHORE_FENCE
wake NO_POLLED_FENCE error NO_POLLED_FENCE
wake SIGNAL_FIRST error SIGNAL_FIRST
wake FLAG_FIRST error FLAG_FIRST
wake DRAIN_LATE error DRAIN_LATE
wake REACHED error REACHED
stages base whole RECORDS=2
stages NO_FENCE error NO_FENCE RECORDS=2
stages NO_RECHECK error NO_RECHECK RECORDS=2
stages NO_RELEASER_FENCE error NO_RELEASER_FENCE RECORDS=2
stages NO_REARM error NO_REARM RECORDS=2
stages NO_CHAIN error NO_CHAIN RECORDS=2
stages NO_LOOK_AGAIN error NO_LOOK_AGAIN RECORDS=2
stages NO_SECOND_FENCE error NO_SECOND_FENCE RECORDS=2
stages REACHED error REACHED RECORDS=2
places base whole JOINS=5
places OWNER_ALONE whole OWNER_ALONE
places NO_WITNESS error NO_WITNESS
places NOT_SAME_STAY error NOT_SAME_STAY
places BITS_ALONE error BITS_ALONE
places ONE_LOOK error ONE_LOOK
places NO_TURNS error JOINS=5 NO_TURNS
places OWNER_FIRST error OWNER_FIRST
places REACHED error REACHED
start base whole
start NO_MAKER_FENCE error NO_MAKER_FENCE
start NO_TELL_FENCE error NO_TELL_FENCE
start NO_RECHECK error NO_RECHECK
start TELL_LATE error TELL_LATE
start NO_LOWER error NO_LOWER
start GATE_FIRST error GATE_FIRST
start NOT_AT_0 error NOT_AT_0
start REACHED error REACHED
unserved base whole
unserved NO_JUDGE_FENCE error NO_JUDGE_FENCE
unserved NO_LOOK error NO_LOOK
unserved GIVEN_UP_FIRST error GIVEN_UP_FIRST
unserved NAME_LATE error NAME_LATE
unserved REACHED error REACHED
queue base whole
queue LIFO whole LIFO
queue NO_SECOND_LOOK error NO_SECOND_LOOK
queue NO_TOUCH error NO_TOUCH
queue NO_VERSION error WAITERS=3 SIGNALLERS=0 GIVE_UPS=2 OTHERS=1 CELLS=3 NO_VERSION
queue TAIL_ALWAYS error LIFO TAIL_ALWAYS
queue CELL_FIRST error CELL_FIRST
queue REACHED error REACHED
END
    if [ "$all" = yes ]; then
        cat <<'END'
sleep 3-members whole MEMBERS=3 MESSAGES=2
claim 2-deaths whole MEMBERS=2 RECORDS=4 DEATHS=2
claim BUFFERED-4 whole MEMBERS=2 RECORDS=4 DEATHS=1 BUFFERED
recover FRESH+leave whole FRESH
recover 2-kills whole KILLS=2 LEAVES=0
recover JUDGE_FIRST whole JUDGE_FIRST
recover NO_TURN whole NO_TURN
lossy 9-units whole END=9
commit DEATH-6 whole END=6 BUFFER=4 DEATH
room 3-records whole RECORDS=3
room FALLBACK-3-records whole RECORDS=3 FALLBACK
room 2-groups-2-records whole RECORDS=2 GROUPS=2
start 7-records whole RING=3 END=7
unserved 3-turns whole TURNS=3 JOINS=3
stages 3-records whole RECORDS=3
queue 3-waiters whole WAITERS=3 SIGNALLERS=0 GIVE_UPS=2 OTHERS=1 CELLS=3
END
    fi
}

# one FOLDER MODEL VARIANT EXPECTED DEFINES...: build and search it; a line of the table
one() {
    top=$1
    folder=$1/$2-$3
    model=$2
    variant=$3
    expected=$4
    shift 4
    defines=
    for define in "$@"; do
        defines="$defines -D$define"
    done
    # An error is found soon: there the compiler costs more than it gains.
    case $expected in
    whole) optimise=-O2 ;;
    error) optimise=-O0 ;;
    esac
    mkdir "$folder"
    cd "$folder"
    # shellcheck disable=SC2086  # a list of words
    if ! spin $defines -a "$here/$model.pml" >log 2>&1 ||
        ! ${CC:-cc} $optimise -w -DSAFETY -DCOLLAPSE -DMEMLIM=4096 -o pan pan.c >>log 2>&1 || ! ./pan -m1000000 >>log 2>&1; then
        broken=yes
    else
        broken=no
    fi
    errors=$(sed -n 's/.*errors: \([0-9]*\).*/\1/p' log)
    depth=$(sed -n 's/.*depth reached \([0-9]*\).*/\1/p' log)
    states=$(sed -n 's/^ *\([0-9.e+]*\) states, stored.*/\1/p' log)
    if grep -Eq 'max search depth too small|out of memory|memory limit|reached -DMEMLIM' log || [ -z "$errors" ]; then
        broken=yes
    fi
    verdict=WRONG
    case $expected in
    whole)
        [ "$broken" = yes ] || [ "$errors" != 0 ] || grep -q 'Search not completed' log || verdict=ok
        ;;
    error)
        [ "${errors:-0}" = 0 ] || ! grep -Eq '^pan:1: (assertion violated|invalid end state)' log || verdict=ok
        ;;
    esac
    printf '%-8s %-24s %10s %6s %6s  %s\n' "$model" "$variant" "${states:--}" "${depth:--}" "${errors:--}" "$verdict"
    if [ $verdict = WRONG ]; then
        sed 's/^/    | /' log
        : >"$top/wrong"
    fi
    rm -f pan pan.*
}

if [ "${1-}" = --one ]; then
    shift
    one "$@"
    exit 0
fi

all=no
if [ "${1-}" = --all ]; then
    all=yes
    shift
fi
if ! command -v spin >/dev/null 2>&1; then
    echo "the models need spin (Debian: apt-get install spin; Homebrew: brew install spin)" >&2
    exit 77
fi
chosen=${*:-sleep claim recover places commit room fenced wake stages lossy start unserved queue}
for model in $chosen; do
    [ -f "$here/$model.pml" ] || { echo "there is no model \"$model\"" >&2; exit 1; }
done

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 1' HUP INT TERM

printf '%-8s %-24s %10s %6s %6s  %s\n' model variant states depth errors verdict
variants | while read -r model rest; do
    case " $chosen " in
    *" $model "*) echo "$scratch $model $rest" ;;
    esac
done >"$scratch/list"
xargs -P 2 -L 1 sh "$here/run.sh" --one <"$scratch/list"
[ ! -e "$scratch/wrong" ]
