"""Measures are zero for a perfect copy, and what they should be for a copy whose fault is known."""

import json
from pathlib import Path

import numpy as np
import pytest

from vivace.audio.files import write_audio
from vivace.audio.mel import MelSpec
from vivace.cli.main import exit_code
from vivace.errors import InputError
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.evaluate import evaluate_generated, evaluate_weights, measure, periodicity, summary
from vivace.train.vocoder.state import new_vocos, write_vocos

RATE = 24_000


def pulses(hertz: float, seconds: float = 1.0) -> Samples:
    """A voice of a sort: a pulse a period, ringing at 800 Hz."""
    phase = np.arange(int(seconds * RATE)) / RATE * hertz % 1.0
    return (0.3 * np.exp(-300 * phase / hertz) * np.sin(2 * np.pi * 800 * phase / hertz)).astype(np.float32)


def noise(seconds: float = 1.0) -> Samples:
    return (0.1 * np.random.default_rng(0).standard_normal(int(seconds * RATE))).astype(np.float32)


@pytest.mark.parametrize("hertz", [70.0, 123.4, 250.0, 410.0])
def test_pitch_of_pulses(hertz: float) -> None:
    found = periodicity(pulses(hertz), RATE)
    inside = slice(5, -5)
    assert found.voiced[inside].all()
    cents = 1200 * np.log2(found.hertz[inside] / hertz)
    assert np.abs(cents).max() < 10


def test_noise_and_silence_are_not_voiced() -> None:
    assert periodicity(noise(), RATE).voiced.mean() < 0.02
    silent = periodicity(np.zeros(RATE, np.float32), RATE)
    assert silent.degree.max() == 0
    assert len(silent.degree) == 101


def test_a_perfect_copy() -> None:
    wave = np.concatenate([pulses(150.0), noise()])
    total = summary([measure("a", wave, wave, MelSpec())])
    assert (total.mel_distance, total.stft_distance, total.periodicity_error, total.pitch_error_cents) == (0, 0, 0, 0)
    assert total.voicing_f1 == 1
    assert total.seconds == 2


def test_a_quieter_copy_differs_in_level_alone() -> None:
    wave = noise()
    copy = measure("a", wave, 0.5 * wave, MelSpec())
    assert copy.mel == pytest.approx(np.log(2), abs=1e-3)


def test_a_copy_at_another_pitch() -> None:
    total = summary([measure("a", pulses(150.0), pulses(150.0 * 2 ** (50 / 1200)), MelSpec())])
    assert total.pitch_error_cents == pytest.approx(50, abs=5)
    assert total.voicing_f1 > 0.99


def test_a_copy_that_loses_its_voice_halfway() -> None:
    wave = pulses(150.0)
    made = np.concatenate([wave[: RATE // 2], noise(0.5)])
    total = summary([measure("a", wave, made, MelSpec())])
    assert total.voicing_f1 == pytest.approx(2 * 50 / (2 * 50 + 50), abs=0.03)  # all that is voiced in it is right
    assert total.periodicity_error > 0.4


def test_pesq_knows_a_good_copy_from_a_bad_one() -> None:
    pytest.importorskip("pesq")
    wave = np.concatenate([np.concatenate([pulses(h, 0.3), np.zeros(4800, np.float32)]) for h in (120, 150, 180, 140)])
    good = measure("a", wave, wave, MelSpec()).pesq
    bad = measure("a", wave, wave + noise(len(wave) / RATE)[: len(wave)], MelSpec()).pesq
    assert good is not None
    assert bad is not None
    assert good > 4.5
    assert bad < 2.5


@pytest.fixture
def recordings(tmp_path: Path) -> Path:
    folder = tmp_path / "speech"
    folder.mkdir()
    for hertz in (110, 160, 210):
        write_audio(folder / f"{hertz}.wav", pulses(float(hertz), 0.5), RATE)
    return folder


def test_generated_copies_are_found_by_name(recordings: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    made.mkdir()
    for file in recordings.iterdir():
        write_audio(made / f"{file.stem}.flac", pulses(float(file.stem), 0.5), RATE)
    total = summary(evaluate_generated(recordings, made))
    assert total.copies == 3
    assert total.mel_distance < 0.01
    (made / "160.flac").unlink()
    with pytest.raises(InputError, match=r"no copy of '160.wav'"):
        evaluate_generated(recordings, made)


def test_long_recordings_are_measured_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivace.train.vocoder.evaluate.SPAN_S", 0.5)
    for name in ("speech", "made"):
        (tmp_path / name).mkdir()
        write_audio(tmp_path / name / "long.wav", np.concatenate([pulses(100.0, 0.8), noise(0.8)]), RATE)
    parts = evaluate_generated(tmp_path / "speech", tmp_path / "made")
    assert [part.name for part in parts] == ["long.wav#0", "long.wav#1", "long.wav#2"]  # 0.1 s is left out
    assert max(part.mel for part in parts) < 1e-6


def test_the_command_prints_a_table_and_json(
    recordings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    weights = tmp_path / "vocos.safetensors"
    write_vocos(weights, new_vocos(100, 8, 16, 1))
    arguments = ["eval", "vocoder", str(recordings), "--limit", "2"]
    assert exit_code([*arguments, "--weights", str(weights)]) == 0
    shown = capsys.readouterr().out
    assert "mel distance" in shown
    assert "2 copies, 1 s" in shown
    assert exit_code([*arguments, "-w", str(weights), "--json", "--details"]) == 0
    row = json.loads(capsys.readouterr().out)
    assert row["copies"] == 2
    assert [each["name"] for each in row["recordings"]] == ["110.wav", "160.wav"]
    assert row["mel_distance"] > 0.5  # it is not trained


def test_the_embedded_voices_vocoder_is_the_default(recordings: Path) -> None:
    total = summary(evaluate_weights(recordings, limit=1))
    assert total.mel_distance < 1.5
    assert total.copies == 1


def test_weights_and_generated_exclude_one_another(recordings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert exit_code(["eval", "vocoder", str(recordings), "--generated", "x", "--weights", "y"]) == 2
    assert "leave --weights and --mel-floor out" in capsys.readouterr().err
