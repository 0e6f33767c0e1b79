"""A family outside the package speaks through every door by being registered: no other file knows of it."""

import json
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import numpy as np
import pytest
from fakes.server import running
from fakes.sine_family.family import LANDMARK, write_checkpoint

from vivace import TTS, TTSConfig
from vivace.audio.files import read_audio
from vivace.cli.main import exit_code
from vivace.errors import InputError
from vivace.models.registry import FAMILIES, register_family
from vivace.pipeline.checkpoints import describe_model
from vivace.serve.backend import TTSBackend


@pytest.fixture(autouse=True)
def registered() -> Iterator[None]:
    entry = register_family("sine", "Sine", LANDMARK, "fakes.sine_family")
    yield
    FAMILIES.remove(entry)


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    return write_checkpoint(tmp_path / "sine")


def pitch(samples: np.ndarray, rate: int) -> float:
    """Hz of the strongest partial."""
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return float(spectrum.argmax() * rate / len(samples))


def test_it_speaks_through_python(checkpoint: Path) -> None:
    with TTS(checkpoint) as tts:
        whole = tts.synthesize("Good morning to you all.", seed=1)
        chunks = list(tts.stream("Good morning to you all.", seed=1))
        np.testing.assert_array_equal(np.concatenate([chunk.samples for chunk in chunks]), whole.samples)
        assert pitch(whole.samples, whole.sample_rate) == pytest.approx(330, rel=0.02)
        assert [voice.name for voice in tts.voices] == ["hum"]


def test_it_has_options_of_its_own(checkpoint: Path) -> None:
    with TTS(checkpoint) as tts:
        high = tts.synthesize("Good morning.", seed=1, octave=1)  # type: ignore[call-arg]
        assert pitch(high.samples, high.sample_rate) == pytest.approx(660, rel=0.02)


@pytest.mark.parametrize(
    ("options", "owner"),
    [({"sample_steps": 4}, "GPT-SoVITS"), ({"split_method": "cut5"}, "GPT-SoVITS"), ({"refine": ""}, "ChatTTS")],
)
def test_options_of_other_families_are_refused_by_name(
    checkpoint: Path, options: dict[str, object], owner: str
) -> None:
    with TTS(checkpoint) as tts, pytest.raises(InputError, match=rf"{next(iter(options))} is an option of {owner} mod"):
        tts.synthesize("Good morning.", **options)  # type: ignore[arg-type]


def test_its_options_are_refused_by_other_families() -> None:
    with TTS() as tts, pytest.raises(InputError, match="octave is an option of Sine models, and this is a ChatTTS"):
        tts.synthesize("Good morning.", octave=1)  # type: ignore[call-arg]
    with TTS() as tts, pytest.raises(TypeError, match="unknown option 'octaves'; did you mean 'octave'"):
        tts.synthesize("Good morning.", octaves=1)  # type: ignore[call-arg]


def test_it_speaks_through_the_server(checkpoint: Path) -> None:
    config = TTSConfig(model=str(checkpoint), server={"port": 0})
    with TTS(config=config) as tts, running(TTSBackend.of(tts), config) as server:
        body = {"model": tts.name, "input": "Good morning to you all.", "voice": "hum", "response_format": "wav"}
        answer = httpx.post(f"{server.url}/v1/audio/speech", json=body, timeout=20)
        assert answer.status_code == 200
        samples = read_audio(answer.content, 24_000)
        assert pitch(samples, 24_000) == pytest.approx(330, rel=0.02)
        refused = httpx.post(f"{server.url}/v1/audio/speech", json={**body, "sample_steps": 4}, timeout=20)
        assert refused.status_code == 400
        assert "GPT-SoVITS" in refused.json()["error"]["message"]


def test_it_speaks_on_the_command_line(checkpoint: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "out.wav"
    assert exit_code(["say", "Good morning to you all.", "--model", str(checkpoint), "-o", str(target)]) == 0
    assert pitch(read_audio(target, 24_000), 24_000) == pytest.approx(330, rel=0.02)
    capsys.readouterr()
    assert exit_code(["models", "show", str(checkpoint), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["family"] == "sine"


def test_its_checkpoint_is_described(checkpoint: Path) -> None:
    card = describe_model(TTSConfig(model=str(checkpoint)))
    assert (card.family, card.voices, card.refines_text) == ("sine", ("hum",), False)


def test_a_name_or_a_landmark_is_taken_once() -> None:
    with pytest.raises(ValueError, match="has the same name or landmark"):
        register_family("chattts", "Other", "other.json", "fakes.sine_family")
