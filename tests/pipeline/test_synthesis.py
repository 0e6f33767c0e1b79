"""A request in progress: the order of its segments, and faulty segments, which are made again."""

from typing import Any

import numpy as np
import pytest
from fakes.takes import (
    Said,
    ScriptedWorker,
    context_of,
    endless,
    good,
    incomplete,
    piece,
    repeated,
    silent,
    skipped,
)

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.sampler_state import SamplingParams
from vivace.errors import EngineError
from vivace.pipeline.options import Request
from vivace.pipeline.result_cache import ResultCache
from vivace.pipeline.speech import Speech, pack_speech, unpack_speech
from vivace.pipeline.speech_check import SegmentFault
from vivace.pipeline.synthesis import SynthesisRun
from vivace.text import Lexicon
from vivace.voices.voice import Voice

ANNA = Voice("anna", embedding=np.ones(4, np.float16))


@pytest.mark.parametrize(("schedule", "at_once"), [(ChunkSchedule(), 1), (NO_STREAMING, 3)])
def test_the_first_piece_of_a_stream_begins_alone(schedule: ChunkSchedule, at_once: int) -> None:
    worker = ScriptedWorker({text: [good()] for text in ("one", "two", "three")})
    request = Request(ANNA, "auto", 1.0, 7, True, None, SamplingParams(), Lexicon())
    run = SynthesisRun(context_of(worker), [piece(text) for text in worker.takes], request, schedule)
    run.start(lambda: None)
    assert len(worker.seeds) == at_once
    heard = 0
    while not run.done:
        chunks = run.poll()
        assert chunks is not None
        heard += sum(len(chunk.samples) for chunk in chunks)
        assert len(worker.seeds) == (3 if heard else at_once)
    assert heard > 3 * 1000


def speak(worker: ScriptedWorker, *, stream: bool = False, seed: int = 7, **check: Any) -> Speech:
    request = Request(ANNA, "auto", 1.0, seed, True, None, SamplingParams(), Lexicon())
    segments, schedule = [piece(text) for text in worker.takes], ChunkSchedule() if stream else NO_STREAMING
    context = context_of(worker, **check)
    listener = ResultCache(None, "").listener(
        segments, request, lambda: SynthesisRun(context, segments, request, schedule)
    )
    return Speech.of(list(listener.iterate()), listener.source.stats)


@pytest.mark.parametrize("wrong", [skipped(), repeated(), incomplete(), endless(), silent()])
def test_a_wrong_piece_is_spoken_again_and_only_the_good_take_is_heard(wrong: Said) -> None:
    straight = speak(ScriptedWorker({"one": [good()], "two": [good(400)]}))
    worker = ScriptedWorker({"one": [good()], "two": [wrong, wrong, good(400)]})
    speech = speak(worker)
    assert np.array_equal(speech.samples, straight.samples)
    assert (speech.stats.retries, speech.stats.faults, straight.stats.retries) == (2, (), 0)
    assert len(set(worker.seeds["two"])) == 3
    assert len(worker.seeds["one"]) == 1


def test_the_seeds_of_further_takes_follow_from_the_request() -> None:
    takes = {"one": [skipped(), skipped(), good()]}
    first, again, other = ScriptedWorker(takes), ScriptedWorker(takes), ScriptedWorker(takes)
    one, two = speak(first), speak(again)
    speak(other, seed=8)
    assert first.seeds == again.seeds != other.seeds
    assert np.array_equal(one.samples, two.samples)


def test_of_takes_that_are_all_wrong_the_best_is_given_and_told() -> None:
    speech = speak(ScriptedWorker({"one": [good()], "two": [endless(), skipped(), repeated()]}))
    assert speech.stats.faults == (SegmentFault(2, "skipped"),)
    assert speech.stats.retries == 2
    assert speech.stats.stopped
    assert unpack_speech(pack_speech(speech)).stats == speech.stats


def test_silence_is_an_error_however_it_is_asked_for() -> None:
    for stream, check in ((False, {}), (True, {}), (False, {"enabled": False}), (True, {"enabled": False})):
        worker = ScriptedWorker({"one": [silent()] * 3})
        with pytest.raises(EngineError, match="made no sound for 'one'; try another seed"):
            speak(worker, stream=stream, **check)
        assert len(worker.seeds["one"]) == (1 if stream else 3)


def test_what_stays_wrong_can_be_refused() -> None:
    with pytest.raises(EngineError, match="piece 1, 'one', came out repeated 2 times; try another seed"):
        speak(ScriptedWorker({"one": [repeated(), repeated()]}), refuse=True, retries=1)


def test_what_a_stream_has_sent_is_not_spoken_again() -> None:
    worker = ScriptedWorker({"one": [repeated()], "two": [good()]})
    speech = speak(worker, stream=True)
    assert speech.stats.faults == (SegmentFault(1, "repeated"),)
    assert speech.stats.retries == 0
    assert len(worker.seeds["one"]) == 1


def test_nothing_is_judged_where_nobody_asks() -> None:
    speech = speak(ScriptedWorker({"one": [repeated()]}), enabled=False)
    assert (speech.stats.faults, speech.stats.retries) == ((), 0)
