#!/bin/sh
# The embedded voice from nothing: corpus, vocoder, codec, recognizers, voice, checkpoint.
# usage: recipes/embedded_voice/train.sh WORK_FOLDER [full|small|toy]
#   full   two cores for about six hours (default)
#   small  every stage in ten minutes on two cores; it will not speak well
#   toy    networks of toy size and a few steps each: whether everything runs
# Stopped, it is started again with the same folder and size and goes on where it was.
set -eu
work=$1 size=${2:-full}
here=$(dirname "$0")
bench=$here/../../benchmarks
python=${PYTHON:-python}

peers=2
# utterances; then how long each stage trains
case $size in
full) count=26000 vocos="--minutes 60" dvae="--minutes 60" start="--minutes 60" voice="--minutes 90" heard="--minutes 75" hears="--minutes 30" preset=embedded ;;
small) count=1200 vocos="--minutes 2" dvae="--minutes 2" start="--minutes 1.5" voice="--minutes 1.5" heard="--minutes 1" hears="--minutes 0.5" preset=embedded ;;
toy) count=40 vocos="--steps 2" dvae="--steps 2" start="--steps 2" voice="--steps 2" heard="--steps 2" hears="--steps 2" preset=toy peers=1 ;;
*) echo "unknown size $size: full, small or toy" >&2 && exit 2 ;;
esac

# One thread a process: two OpenMP threads wait for one another more than they compute. glibc gives large tensors back
# to the system after every step unless it is told not to; the page faults cost three times the arithmetic.
export OMP_NUM_THREADS=1
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=268435456

stage() { name=$1 && shift && "$python" -m vivace.train "$name" --preset "$preset" "$@"; }

mkdir -p "$work"
if [ ! -f "$work/corpus.done" ]; then
    rm -rf "$work/corpus"
    "$python" "$here/sentences.py" >"$work/written_en.txt"
    set --
    for known in "$bench"/voice_*_??.txt; do set -- "$@" --forbid "$known"; done
    stage corpus "$work/corpus" --count "$count" --seed 20 --sentences "$work/written_en.txt" "$@"
    touch "$work/corpus.done"
fi

# shellcheck disable=SC2086 # the budgets are two words each
stage vocos "$work/corpus" "$work/vocos.safetensors" $vocos --seed 1 &
vocoder=$!
stage dvae "$work/corpus" "$work/dvae.safetensors" $dvae --seed 2
wait $vocoder
stage codes "$work/corpus" "$work/dvae.safetensors"

# Three recognizers: one judges the voice in the benchmark, the other two teach it.
stage recognizer "$work/corpus" "$work/recognizer.safetensors" $hears --seed 4 &
judge=$!
stage recognizer "$work/corpus" "$work/listener.safetensors" $hears --seed 5
wait $judge
stage recognizer "$work/corpus" "$work/second_listener.safetensors" $hears --seed 6

# First without its own codes as inputs, then with them, then hearing itself; two processes share the work.
speak() { # STATE BUDGET RATE SAMPLED [--init STATE]
    state=$1 budget=$2 rate=$3 sampled=$4
    shift 4
    set -- "$work/corpus" "$work/$state" $budget --rate "$rate" --sampled "$sampled" --seed 3 --peers $peers "$@"
    [ $peers = 1 ] || stage voice --peer 1 "$@" &
    peer=$!
    stage voice --peer 0 "$@"
    wait $peer
}
speak start.safetensors "$start" 1.5e-3 0
speak voice.safetensors "$voice" 1.2e-3 0.6 --init "$work/start.safetensors"
speak heard.safetensors "$heard" 1e-3 0.6 --init "$work/voice.safetensors" \
    --listener "$work/listener.safetensors" --listener "$work/second_listener.safetensors" --vocoder "$work/vocos.safetensors"

stage export "$work/heard.safetensors" "$work/vocos.safetensors" "$work/checkpoint"
stage durations "$work/corpus" "$work/checkpoint"
