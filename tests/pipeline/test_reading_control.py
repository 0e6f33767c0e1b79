"""What the caller decides about the reading: pauses, a lexicon, a normaliser."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from vivace import TTS, TTSConfig
from vivace.errors import InputError
from vivace.pipeline.segment_audio import pause_after
from vivace.types import Piece

TWO = "Good morning, my dear old friend. Good night, my dear old friend."


@pytest.fixture(scope="module")
def tts() -> Iterator[TTS]:
    with TTS() as opened:
        yield opened


def test_a_pause_is_silence_of_that_length(tts: TTS) -> None:
    plain = tts.synthesize(TWO, seed=1)
    paused = tts.synthesize(TWO.replace(". Good", ".[pause 1.3s] Good"), seed=1)
    assert paused.duration == pytest.approx(plain.duration + 1.3 - 0.3, abs=1e-3)
    runs = np.split(paused.samples, np.flatnonzero(np.diff(paused.samples == 0)) + 1)
    assert max(len(run) for run in runs if not run.any()) / paused.sample_rate == pytest.approx(1.3, abs=0.01)


def test_pauses_at_both_ends(tts: TTS) -> None:
    plain = tts.synthesize("Good morning.", seed=2).samples
    paused = tts.synthesize("[pause 250ms]Good morning.[pause 0.5s]", seed=2, speed=1.0).samples
    assert np.array_equal(paused, np.concatenate([np.zeros(6_000), plain, np.zeros(12_000)]).astype(np.float32))


def test_a_pause_keeps_its_length_at_any_speed() -> None:
    piece = Piece("x", "en", (), pause_s=0.5)
    assert [pause_after(piece, speed=speed, last=last) for speed, last in ((2.0, False), (0.5, True))] == [0.5, 0.5]
    assert pause_after(Piece("x", "en", ()), speed=2.0, last=False) == pytest.approx(0.15)
    assert pause_after(Piece("x", "en", ()), speed=1.0, last=True) == 0.0


def test_the_lexicon_of_the_configuration_and_that_of_a_request(tmp_path: Path) -> None:
    file = tmp_path / "readings.tsv"
    file.write_text("nginx\tengine x\n", encoding="utf-8")
    with TTS(config=TTSConfig.load(text={"lexicon": file})) as tts:
        heard = [
            next(tts.stream(text, seed=1, lexicon=lexicon)).text
            for text, lexicon in (("nginx", None), ("nginx", {"nginx": "an engine"}))
        ]
        assert heard == ["engine x", "an engine"]
        with pytest.raises(InputError, match="the lexicon entry 'a'"):
            tts.synthesize("a", lexicon={"a": "yin9"})


def test_a_lexicon_that_is_not_there() -> None:
    with pytest.raises(InputError, match="cannot read the lexicon"):
        TTS(config=TTSConfig.load(text={"lexicon": Path("nowhere.tsv")}))


def test_a_normaliser_of_the_caller() -> None:
    with TTS(normalisers={"en": lambda sentence: sentence.replace("BRB", "be right back")}) as tts:
        assert {chunk.text for chunk in tts.stream("BRB, ok?", seed=1)} == {"be right back, ok?"}
