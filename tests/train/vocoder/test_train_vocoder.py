"""A run at toy size: it learns, it goes on bit for bit where it was killed, and it survives a damaged checkpoint."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.audio.files import write_audio
from vivace.errors import EngineError, SettingsError, WeightsError
from vivace.train.corpus.recording import Samples
from vivace.train.vocoder.config import VocoderTraining, load_config
from vivace.train.vocoder.dataset import Batches, Mel, RecordingPart, Recordings, TrainingData
from vivace.train.vocoder.loop import CHECKPOINTS, LOG, train_step, train_vocoder
from vivace.train.vocoder.run import run_lock
from vivace.train.vocoder.state import checkpoints_in, new_state, read_checkpoint, read_vocos

TOY = """
out: {out}
data: {{folder: {folder}, crop_samples: 1280, level: {level}}}
mel: {{n_fft: 256, hop: 64, n_mels: 20}}
model: {{dim: 12, intermediate_dim: 24, num_layers: 1}}
discriminators: {{periods: [2, 3], period_width: 2, resolutions: [[128, 32, 128]], resolution_width: 2}}
loss: {{stft: 1.0}}
optimizer: {{learning_rate: 2.0e-3}}
steps: {steps}
batch: 2
accumulate: 2
ema: 0.9
precision: {precision}
threads: 1
log_every: 1
evaluate_every: 4
save_every: 2
keep: 2
"""


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Vowels of a sort: pulses through a decaying resonance, three pitches."""
    folder = tmp_path_factory.mktemp("speech")
    time_s = np.arange(24_000) / 24_000
    for number, hertz in enumerate((110.0, 150.0, 220.0)):
        phase = (time_s * hertz) % 1.0
        wave = np.exp(-8 * phase) * np.sin(2 * np.pi * 7 * phase) * (0.6 + 0.4 * np.sin(2 * np.pi * 3 * time_s))
        write_audio(folder / f"{number}.wav", (0.4 * wave).astype(np.float32), 24_000)
    return folder


def run_file(tmp_path: Path, speech: Path, name: str, *, steps: int = 6, precision: str = "float32") -> Path:
    file = tmp_path / f"{name}.yaml"
    values = {"out": tmp_path / name, "folder": speech, "steps": steps, "precision": precision, "level": "random_peak"}
    file.write_text(TOY.format(**values), encoding="utf-8")
    return file


def weights_of(run: VocoderTraining) -> dict[str, torch.Tensor]:
    return read_checkpoint(checkpoints_in(run.out / CHECKPOINTS)[0])[0]


def assert_equal_bits(a: dict[str, torch.Tensor], b: dict[str, torch.Tensor]) -> None:
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert torch.equal(value, b[key]), key


def log_of(run: VocoderTraining) -> list[dict[str, float]]:
    rows = [json.loads(line) for line in (run.out / LOG).read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in row.items() if key != "seconds"} for row in rows]


def test_the_mel_loss_falls(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "falls", steps=24))
    weights = train_vocoder(run)
    rows = [row for row in log_of(run) if "mel" in row]
    assert [row["step"] for row in rows] == list(range(1, 25))
    early, late = (np.mean([row["mel"] for row in part]) for part in (rows[:5], rows[-5:]))
    assert late < 0.8 * early
    held = [row["held_out_mel"] for row in log_of(run) if "held_out_mel" in row]
    assert held[-1] < held[0]
    assert all(row["lr"] <= 2e-3 for row in rows)
    assert rows[-1]["lr"] < 1e-4  # the cosine has come down
    vocos = read_vocos(weights, hop=64)
    assert vocos(torch.randn(1, 20, 12)).shape == (1, 11 * 64)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_stopped_run_goes_on_bit_for_bit(tmp_path: Path, speech: Path, precision: str) -> None:
    whole = load_config(run_file(tmp_path, speech, "whole", precision=precision))
    train_vocoder(whole)
    stopped = load_config(run_file(tmp_path, speech, "stopped", precision=precision))

    class StoppedError(Exception):
        pass

    def stop(progress: object) -> None:
        if getattr(progress, "done") == 5:  # noqa: B009 (typed as anything)
            raise StoppedError

    with pytest.raises(StoppedError):
        train_vocoder(stopped, progress=stop)
    train_vocoder(stopped)
    assert_equal_bits(weights_of(stopped), weights_of(whole))
    assert log_of(stopped) == log_of(whole)  # step 5 is in it once


def test_a_killed_run_goes_on_bit_for_bit(tmp_path: Path, speech: Path) -> None:
    whole = load_config(run_file(tmp_path, speech, "whole", steps=16))
    train_vocoder(whole)
    file = run_file(tmp_path, speech, "killed", steps=16)
    killed = load_config(file)
    code = f"from vivace.cli.main import run; run(['train', 'vocoder', {str(file)!r}])"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.DEVNULL) as process:
        deadline = time.monotonic() + 120
        while not checkpoints_in(killed.out / CHECKPOINTS) and time.monotonic() < deadline:
            time.sleep(0.005)
        os.kill(process.pid, signal.SIGKILL)
    left = checkpoints_in(killed.out / CHECKPOINTS)
    assert left
    assert left[0].name < "step-00000016"  # it had not finished
    train_vocoder(killed)
    assert_equal_bits(weights_of(killed), weights_of(whole))
    assert log_of(killed) == log_of(whole)


def test_a_damaged_checkpoint_is_reported_and_the_one_before_it_used(tmp_path: Path, speech: Path) -> None:
    whole = load_config(run_file(tmp_path, speech, "whole"))
    train_vocoder(whole)
    wanted, log = weights_of(whole), log_of(whole)
    newest, before = checkpoints_in(whole.out / CHECKPOINTS)
    damaged = bytearray(newest.read_bytes())
    damaged[-7] ^= 1  # one bit of one weight
    newest.write_bytes(damaged)
    with pytest.raises(WeightsError, match="is damaged"):
        read_checkpoint(newest)

    code = f"from vivace.cli.main import run; run(['train', 'vocoder', {str(tmp_path / 'whole.yaml')!r}])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.startswith(f"warning: {newest} is damaged")
    assert "the one before it is used" in done.stderr
    assert before.is_file()
    assert_equal_bits(weights_of(whole), wanted)
    assert log_of(whole) == log


def test_half_a_file_is_a_damaged_checkpoint_too_and_nothing_whole_is_an_error(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    train_vocoder(run)
    for path in checkpoints_in(run.out / CHECKPOINTS):
        path.write_bytes(path.read_bytes()[:1000])
    said: list[str] = []
    with pytest.raises(WeightsError, match=r"every checkpoint in .* is damaged"):
        train_vocoder(run, report=said.append)
    assert len(said) == 2


def test_only_the_last_checkpoints_are_kept(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run", steps=8))
    train_vocoder(run)
    names = [path.name for path in checkpoints_in(run.out / CHECKPOINTS)]
    assert names == ["step-00000008.safetensors", "step-00000006.safetensors"]


def test_checkpoints_of_another_size_are_not_taken_up(tmp_path: Path, speech: Path) -> None:
    file = run_file(tmp_path, speech, "run", steps=2)
    train_vocoder(load_config(file))
    file.write_text(file.read_text(encoding="utf-8").replace("dim: 12,", "dim: 16,"), encoding="utf-8")
    with pytest.raises(SettingsError, match="other sizes"):
        train_vocoder(load_config(file))


def test_a_run_starts_from_given_weights(tmp_path: Path, speech: Path) -> None:
    first = load_config(run_file(tmp_path, speech, "first", steps=2))
    weights = train_vocoder(first)
    start = first.model_copy(update={"model": first.model.model_copy(update={"init_from": weights, "init_gain": 2.0})})
    mel = torch.randn(1, 20, 8)
    given, begun = read_vocos(weights, hop=64), new_state(start, torch.device("cpu")).generator
    torch.testing.assert_close(2.0 * begun(mel), given(mel), atol=1e-6, rtol=1e-4)


def test_a_folder_has_one_run_at_a_time(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run", steps=2))
    with run_lock(run.out), pytest.raises(SettingsError, match=r"another run writes to .*; wait for it"):
        train_vocoder(run)
    (tmp_path / "file").write_text("no folder", encoding="utf-8")
    with pytest.raises(SettingsError, match=r"cannot write to .*; choose another 'out'"):
        train_vocoder(run.model_copy(update={"out": tmp_path / "file" / "run"}))


class Tones:
    """``Recordings`` without files."""

    names: tuple[str, ...] = ("a", "b")
    lengths: tuple[int, ...] = (6400, 6400)

    def samples(self, index: int, start: int, count: int) -> Samples:
        wave: Samples = 0.1 * np.sin(np.arange(6400) * 0.05 * (1 + index)).astype(np.float32)
        return wave[start : start + count]

    def peak(self, index: int) -> float:
        return 0.1


class FlatMels:
    """``PredictedMels`` that say where they are from."""

    def mel(self, index: int, start: int, count: int) -> Mel:
        frames = np.arange(start, min(start + count, 100), dtype=np.float32)
        mel: Mel = np.tile(frames / 10 - 9.0, (20, 1))
        return mel


def test_a_recordings_peak_is_put_into_its_range(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    batches = Batches(TrainingData(Tones()), run.data, run.mel.spec, seed=3)
    peaks = batches.at(0, 8, torch.device("cpu")).samples.abs().amax(1)
    decibels = 20 * peaks.log10()
    assert ((decibels >= -6.01) & (decibels <= -0.99)).all()
    assert decibels.std() > 0.3


def test_predicted_mels_go_with_their_samples(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    data = run.data.model_copy(update={"level": "recorded", "mel_floor": -7.0})
    recordings: Recordings = Tones()
    batches = Batches(TrainingData(recordings, FlatMels()), data, run.mel.spec, seed=3)
    whole = np.stack([recordings.samples(i, 0, 6400) for i in range(2)])
    batch = batches.at(0, 4, torch.device("cpu"))
    assert batch.mel.shape == (4, 20, 21)
    assert batch.mel.min() == -7.0
    for samples, mel in zip(batch.samples.numpy(), batch.mel.numpy(), strict=True):
        starts = [
            (r, s) for r in range(2) for s in range(0, 6400, 64) if np.array_equal(whole[r, s : s + 1280], samples)
        ]
        first = mel[0, mel[0] > -7.0][0]  # a frame above the floor tells its number
        offset = int(np.flatnonzero(mel[0] > -7.0)[0])
        assert round((first + 9.0) * 10) - offset in {s // 64 for _, s in starts}


def test_accumulated_batches_are_one_large_batch(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    run = run.model_copy(update={"loss": run.loss.model_copy(update={"stft": 0.0})})  # its norms are over the batch
    batches = Batches(TrainingData(RecordingPart(Tones(), (0, 1))), run.data, run.mel.spec, seed=3)
    device = torch.device("cpu")
    one, two = new_state(run, device), new_state(run, device)
    train_step(one, [batches.at(0, 4, device)], run, rate=1e-3, precision=torch.float32)
    train_step(two, [batches.at(i, 2, device) for i in range(2)], run, rate=1e-3, precision=torch.float32)
    for name, value in one.generator.state_dict().items():
        # AdamW's first step is the sign of the gradient: where that is nearly zero, rounding decides
        far = (value - two.generator.state_dict()[name]).abs() > 1e-5
        assert far.float().mean() < 0.02, name


def test_no_adversary_before_its_step(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    run = run.model_copy(update={"discriminators": run.discriminators.model_copy(update={"from_step": 1})})
    batches = Batches(TrainingData(Tones()), run.data, run.mel.spec, seed=3)
    device = torch.device("cpu")
    state = new_state(run, device)
    untaught = {key: value.clone() for key, value in state.discriminators.state_dict().items()}
    first = train_step(state, [batches.at(0, 2, device)], run, rate=1e-3, precision=torch.float32)
    assert (first.adversarial, first.features, first.discriminators) == (0.0, 0.0, 0.0)
    assert_equal_bits(untaught, state.discriminators.state_dict())
    second = train_step(state, [batches.at(1, 2, device)], run, rate=1e-3, precision=torch.float32)
    assert min(second.adversarial, second.features, second.discriminators) > 0


def test_a_run_that_has_come_apart_ends(tmp_path: Path, speech: Path) -> None:
    run = load_config(run_file(tmp_path, speech, "run"))
    batches = Batches(TrainingData(Tones()), run.data, run.mel.spec, seed=3)
    device = torch.device("cpu")
    state = new_state(run, device)
    with torch.no_grad():
        state.generator.head.out.bias.fill_(float("nan"))
    with pytest.raises(EngineError, match="no finite numbers"):
        train_step(state, [batches.at(0, 2, device)], run, rate=1e-3, precision=torch.float32)
