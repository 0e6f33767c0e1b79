#!/bin/sh
# The embedded voice from nothing: corpus, codec, voice, vocoder, checkpoint. Two cores, about five hours.
# usage: recipes/embedded_voice/train.sh WORK_FOLDER        a trial in minutes: COUNT=600 SHARE=0.02 … train.sh WORK_FOLDER
# Stopped, it is started again with the same folder and goes on where it was.
set -eu
work=$1
here=$(dirname "$0")
bench=$here/../../benchmarks
python=${PYTHON:-python}
count=${COUNT:-26000} # utterances
share=${SHARE:-1}     # of the minutes below

minutes() { awk "BEGIN { print $1 * $share }"; }

# One thread a process: two OpenMP threads wait for one another more than they compute. glibc gives large tensors back
# to the system after every step unless it is told not to; the page faults cost three times the arithmetic.
export OMP_NUM_THREADS=1
export MALLOC_MMAP_THRESHOLD_=4000000000 MALLOC_TRIM_THRESHOLD_=16000000000 MALLOC_TOP_PAD_=268435456

mkdir -p "$work"
if [ ! -d "$work/corpus" ]; then
    "$python" "$here/sentences.py" >"$work/written_en.txt"
    "$python" -m vivace.train corpus "$work/corpus" --count "$count" --seed 20 --sentences "$work/written_en.txt" \
        --forbid "$bench/voice_sentences_en.txt" "$bench/voice_sentences_zh.txt"
fi

"$python" -m vivace.train vocos "$work/corpus" "$work/vocos.safetensors" --minutes "$(minutes 60)" --seed 1 &
vocos=$!
"$python" -m vivace.train dvae "$work/corpus" "$work/dvae.safetensors" --minutes "$(minutes 60)" --seed 2
wait $vocos
"$python" -m vivace.train codes "$work/corpus" "$work/dvae.safetensors"

# First without its own codes as inputs, then with them; two processes share the work.
voice() { # STATE MINUTES RATE SAMPLED [--init STATE]
    state=$1 for=$2 rate=$3 sampled=$4
    shift 4
    set -- "$work/corpus" "$work/$state" --minutes "$(minutes "$for")" --rate "$rate" --sampled "$sampled" --seed 3 --peers 2 "$@"
    "$python" -m vivace.train voice --peer 1 "$@" &
    "$python" -m vivace.train voice --peer 0 "$@"
    wait
}
voice start.safetensors 60 1.5e-3 0
voice voice.safetensors 120 1.2e-3 0.6 --init "$work/start.safetensors"

"$python" -m vivace.train export "$work/voice.safetensors" "$work/vocos.safetensors" "$work/checkpoint"
