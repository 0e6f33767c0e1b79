"""Speech that was made before is found again, bit by bit, and only where that is wanted."""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vivace.cache.caches import MemoryCache
from vivace.cache.stream_sources import ReplaySource
from vivace.engine.sampler_state import SamplingParams
from vivace.models.precision import PrecisionDecision
from vivace.models.registry import FAMILIES
from vivace.pipeline.options import Request, make_request
from vivace.pipeline.result_cache import ResultCache, open_result_cache, sliced
from vivace.pipeline.speech import AudioChunk, Speech, SpeechStats, pack_speech, unpack_speech
from vivace.pipeline.synthesis import SynthesisRun
from vivace.pipeline.tts import TTS
from vivace.settings import InferenceConfig, TTSConfig
from vivace.text import Lexicon, split
from vivace.voices.voice import Voice

VOICE = Voice("anna", embedding=np.arange(4, dtype=np.float16))
SPEECH = Speech(
    np.linspace(-1, 1, 1000, dtype=np.float32),
    24_000,
    SpeechStats(duration_s=1 / 24, elapsed_s=2.0, seed=7, voice="anna", pieces=1, code_frames=3, stopped=True),
)


def request(**options: object) -> Request:
    return make_request(options, InferenceConfig(), VOICE, Lexicon(), SamplingParams(), FAMILIES[1])  # type: ignore[arg-type]


@pytest.fixture
def results() -> ResultCache:
    return ResultCache(MemoryCache(1 << 20), "model")


def test_a_record_holds_the_speech_exactly() -> None:
    again = unpack_speech(pack_speech(SPEECH))
    assert again.samples.tobytes() == SPEECH.samples.tobytes()
    assert (again.sample_rate, again.stats) == (24_000, SPEECH.stats)


def forbidden(*_: object) -> Any:
    raise AssertionError("this was made before")


class Made(ReplaySource[AudioChunk]):
    """``SPEECH``, as if it was synthesized."""

    stats, segments_done, total = SPEECH.stats, 1, 1

    def __init__(self) -> None:
        super().__init__(sliced(SPEECH, "Hello."))

    def record(self, items: Sequence[AudioChunk]) -> bytes:
        return pack_speech(Speech.of(items, SPEECH.stats))


def ask(results: ResultCache, make: Callable[[], Any] = Made, **options: object) -> Speech:
    listener = results.listener(split("Hello."), request(seed=7, **options), make)
    return Speech.of(listener.result(), listener.source.stats)


def test_what_is_kept_is_found_and_says_so(results: ResultCache) -> None:
    assert not ask(results).stats.cached
    found = ask(results, forbidden)
    assert found.stats.cached
    assert found.stats.elapsed_s < SPEECH.stats.elapsed_s
    assert np.array_equal(found.samples, SPEECH.samples)


def test_writing_that_is_spoken_the_same_way_is_the_same(results: ResultCache) -> None:
    assert results.key(split("It costs $5."), request(seed=7)) == results.key(
        split("It  costs five dollars."), request(seed=7)
    )


@pytest.mark.parametrize(
    "other",
    [
        {"text": "Hallo."},
        {"text": "Hello?"},
        {"seed": 8},
        {"speed": 1.1},
        {"temperature": 0.31},
        {"temperature": (0.3, 0.3)},
        {"top_p": 0.71},
        {"top_k": 21},
        {"repetition_penalty": 1.06},
        {"sample_steps": 3},
        {"voice": Voice("anna", embedding=np.arange(1, 5, dtype=np.float16))},
        {"voice": Voice("anna", prompt_codes=np.zeros((4, 4), np.int32), transcript="Yes.")},
    ],
    ids=str,
)
def test_whatever_changes_the_sound_changes_the_key(results: ResultCache, other: dict[str, object]) -> None:
    text, voice = str(other.pop("text", "Hello.")), other.pop("voice", VOICE)
    assert isinstance(voice, Voice)
    changed = replace(request(**{"seed": 7, **other}), voice=voice)
    assert results.key(split(text), changed) != results.key(split("Hello."), request(seed=7))


def test_another_model_is_another_key() -> None:
    keys = {ResultCache(MemoryCache(1), model).key(split("Hello."), request(seed=7)) for model in ("one", "two")}
    assert len(keys) == 2


def test_what_changes_the_sound_changes_the_key(tmp_path: Path) -> None:
    int8 = PrecisionDecision("int8", "by rule", "avx2")
    settings: tuple[tuple[dict[str, Any], PrecisionDecision], ...] = (
        ({}, int8),
        ({}, replace(int8, precision="float32")),
        ({}, replace(int8, kind="none")),
        ({"vocoder": {"precision": "float32"}}, int8),
        ({"stream": {"lookahead": 3}}, int8),
    )

    def key(other: dict[str, Any], precision: PrecisionDecision) -> str | None:
        config = TTSConfig.load(cache={"results": "memory"}, **other)
        return open_result_cache(config, precision, tmp_path).key(split("Hello."), request(seed=7))

    assert len({key(*chosen) for chosen in settings}) == len(settings)
    assert key({"precision": "int8"}, int8) == key({}, replace(int8, kind="avx512vnni", reason="timed"))


def test_the_name_of_a_voice_does_not_matter(results: ResultCache) -> None:
    renamed = replace(request(seed=7), voice=replace(VOICE, name="berta", description="the same"))
    assert results.key(split("Hello."), renamed) == results.key(split("Hello."), request(seed=7))


def test_a_lexicon_counts_where_it_is_heard(results: ResultCache) -> None:
    heard = split("Vivace speaks.", lexicon=Lexicon.of({"Vivace": "V AY1 V AH0 S"}))
    assert results.key(heard, request(seed=7)) != results.key(split("Vivace speaks."), request(seed=7))


def test_without_a_seed_nothing_is_reused_unless_asked(results: ResultCache) -> None:
    pieces = split("Hello.")
    assert results.key(pieces, request()) is None
    assert results.key(pieces, request(seed=7, reuse=False)) is None
    asked = [results.key(pieces, request(reuse=True)) for _ in range(2)]  # whatever seed they drew
    assert asked[0] == asked[1] != results.key(pieces, request(seed=7))


def test_a_switched_off_cache_keeps_nothing() -> None:
    results = open_result_cache(TTSConfig(), PrecisionDecision("float32", "by rule"), Path("nowhere"))
    assert results.key(split("Hello."), request(seed=7)) is None
    assert results.stats.misses == 0


def test_a_hundred_at_once_are_made_once(results: ResultCache) -> None:
    made = list[Made]()

    def make() -> Made:
        made.append(Made())
        return made[-1]

    with ThreadPoolExecutor(50) as pool:
        speeches = list(pool.map(lambda _: ask(results, make), range(100)))
    assert len(made) == 1
    assert {speech.samples.tobytes() for speech in speeches} == {SPEECH.samples.tobytes()}


def test_a_file_uses_cached_speech_and_is_not_cached(results: ResultCache) -> None:
    def unshared() -> int:
        listener = results.listener(split("Hello."), request(seed=7), Made, share=False)  # type: ignore[arg-type]
        return sum(len(chunk.samples) for chunk in listener.iterate())

    assert unshared() == len(SPEECH.samples)
    assert results.stats.entries == 0
    ask(results)
    assert unshared() == len(SPEECH.samples)
    assert (results.stats.entries, results.stats.hits) == (1, 1)


def test_speech_survives_a_restart_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = TTSConfig(paths={"cache_dir": tmp_path}, cache={"results": "disk"})
    with TTS(config=config) as tts:
        first = tts.synthesize("Good morning.", seed=7)
        assert not first.stats.cached
    monkeypatch.setattr(SynthesisRun, "start", forbidden)
    with TTS(config=config) as tts:
        again = tts.synthesize("Good morning.", seed=7)
        assert again.encode("wav") == first.encode("wav")
        assert again.stats.cached
        chunks = list(tts.stream("Good morning.", seed=7))
        assert np.array_equal(Speech.of(chunks, again.stats).samples, first.samples)
        assert [chunk.last for chunk in chunks] == [False] * (len(chunks) - 1) + [True]
        assert tts.get_performance_stats().results.hit_rate == 1
        tts.clear_cache()
        with pytest.raises(AssertionError, match="made before"):
            tts.synthesize("Good morning.", seed=7)
