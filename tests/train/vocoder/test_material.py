"""Where recordings and mels come from: folders, corpora, and mels that a model has predicted."""

from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.audio.files import write_audio
from vivace.errors import InputError
from vivace.train.corpus.dataset import HELD_OUT, N_MELS, ShardWriter, Utterance
from vivace.train.corpus.recording import CODE_SAMPLES, Samples
from vivace.train.vocoder.config import VocoderTraining
from vivace.train.vocoder.dataset import Batches
from vivace.train.vocoder.loop import load_data


def tone(count: int, step: float) -> Samples:
    wave: Samples = 0.2 * np.sin(np.arange(count) * step).astype(np.float32)
    return wave


def silent(message: str) -> None:
    """Nothing is expected to be reported."""
    raise AssertionError(message)


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    """Two shards; one utterance of three is held out."""
    root = tmp_path / "corpus"
    for shard in ("a", "b"):
        writer = ShardWriter(root / shard)
        for number in range(3):
            frames = 12 + number
            part = HELD_OUT if number == 2 else "train"
            utterance = Utterance("one", "en", "x", ("x",), (0.5,) * frames, frames, part=part)
            samples = tone(frames * CODE_SAMPLES, 0.02 * (1 + number))
            writer.add(utterance, np.full((2 * frames, N_MELS), -number, np.float32), samples)
        writer.close()
    return root


def predict(corpus: Path, folder: Path) -> None:
    """Mels whose frames count up through the shard."""
    for shard in ("a", "b"):
        frames = np.fromfile(corpus / shard / "mel.f16", np.float16).size // N_MELS
        mel = np.tile(np.arange(frames, dtype=np.float16)[:, None] / 100, (1, N_MELS))
        (folder / shard).mkdir(parents=True)
        (folder / shard / "mel.f16").write_bytes(mel.tobytes())


def run(tmp_path: Path, **data: object) -> VocoderTraining:
    return VocoderTraining.model_validate({"out": tmp_path / "out", "data": {"crop_samples": 2048, **data}})


def test_a_corpus_has_its_own_held_out_part(corpus: Path, tmp_path: Path) -> None:
    train, held = load_data(run(tmp_path, corpus=corpus), silent)
    assert train.recordings.lengths == (12 * 512, 13 * 512) * 2
    assert held.recordings.lengths == (14 * 512,) * 2
    assert train.recordings.peak(0) == pytest.approx(0.2, abs=1e-3)
    np.testing.assert_allclose(train.recordings.samples(1, 512, 100), tone(700, 0.04)[512:612], atol=1e-4)


def test_a_corpus_has_one_spectrogram(corpus: Path, tmp_path: Path) -> None:
    config = run(tmp_path, corpus=corpus)
    other = config.model_copy(update={"mel": config.mel.model_copy(update={"n_mels": 80})})
    with pytest.raises(InputError, match="leave 'mel' out"):
        load_data(other, silent)


def test_predicted_mels_of_a_corpus(corpus: Path, tmp_path: Path) -> None:
    predict(corpus, tmp_path / "mels")
    train, held = load_data(run(tmp_path, corpus=corpus, mels=tmp_path / "mels"), silent)
    assert train.mels is not None
    assert held.mels is not None
    # the second utterance of a shard begins behind the 24 frames of the first
    np.testing.assert_allclose(train.mels.mel(1, 3, 2)[0], [0.27, 0.28], atol=1e-3)
    assert train.mels.mel(1, 20, 99).shape == (N_MELS, 6)  # it does not reach into the next one
    np.testing.assert_allclose(held.mels.mel(1, 0, 1)[0], [0.50], atol=1e-3)
    (tmp_path / "mels" / "b" / "mel.f16").unlink()
    with pytest.raises(InputError, match=r"no .*b/mel.f16; predict"):
        load_data(run(tmp_path, corpus=corpus, mels=tmp_path / "mels"), silent)


@pytest.fixture
def speech(tmp_path: Path) -> Path:
    folder = tmp_path / "speech"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("one.wav", "two.flac", "deep/three.wav")):
        write_audio(folder / name, tone(5120, 0.02 * (1 + number)), 24_000)
    return folder


def test_a_folder_is_divided_by_the_seed(speech: Path, tmp_path: Path) -> None:
    train, held = load_data(run(tmp_path, folder=speech), silent)
    assert len(train.recordings.names) == 2
    assert len(held.recordings.names) == 1
    assert {*train.recordings.names, *held.recordings.names} == {"one.wav", "two.flac", "deep/three.wav"}
    again, _ = load_data(run(tmp_path, folder=speech), silent)
    assert again.recordings.names == train.recordings.names


def test_predicted_mels_of_a_folder(speech: Path, tmp_path: Path) -> None:
    (tmp_path / "mels" / "deep").mkdir(parents=True)
    for name in ("one", "two", "deep/three"):
        np.save(tmp_path / "mels" / f"{name}.npy", np.full((100, 21), -3.0, np.float16))
    config = run(tmp_path, folder=speech, mels=tmp_path / "mels", level="recorded", mel_floor=-2.5)
    batch = Batches(load_data(config, silent)[0], config.data, config.mel.spec, 0).at(0, 3, torch.device("cpu"))
    assert batch.mel.shape == (3, 100, 9)
    assert float(batch.mel.min()) == float(batch.mel.max()) == -2.5
    np.save(tmp_path / "mels" / "one.npy", np.zeros((100, 10), np.float16))
    with pytest.raises(InputError, match=r"one.npy holds \[100, 10\]; its recording needs \[100, 20\]"):
        load_data(config, silent)
    (tmp_path / "mels" / "one.npy").write_bytes(b"not an array")
    with pytest.raises(InputError, match=r"cannot read the mel"):
        load_data(config, silent)


def test_one_recording_is_too_few(speech: Path, tmp_path: Path) -> None:
    for name in ("two.flac", "deep/three.wav"):
        (speech / name).unlink()
    with pytest.raises(InputError, match="has one recording; give two or more"):
        load_data(run(tmp_path, folder=speech), silent)
