from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.train.corpus.dataset import Corpus, ShardWriter, Utterance
from vivace.train.voice.batching import NO_CODE, NO_POSITION, NO_TARGET, PAUSE_GATE, SILENCE, Collator

END = 625


@pytest.fixture
def corpus(tmp_path: Path) -> Corpus:
    writer = ShardWriter(tmp_path / "shard0")
    rng = np.random.default_rng(0)
    for frames in (6, 4):
        positions = tuple(3 * t / frames for t in range(frames))
        u = Utterance("slt", "en", "hello", ("HH", "AH0", "L"), positions, frames)
        writer.add(u, rng.normal(size=(2 * frames, 100)).astype(np.float32), np.zeros(frames * 512, np.float32))
    writer.close()
    made = Corpus(tmp_path)
    made.write_codes([rng.integers(0, 600, (u.frames, 4)).astype(np.int16) for u in made.utterances])
    return Corpus(tmp_path)


def test_rows_of_recordings_predict_what_they_read_next(corpus: Corpus) -> None:
    long, short = corpus.utterances
    batch = Collator(corpus, ("slt",), END).batch([long, short])
    codes = torch.from_numpy(corpus.codes(long).astype(np.int64))
    assert batch.prompts == (6, 6)
    assert batch.frames == (6, 4)
    assert torch.equal(batch.codes[0, 6:], codes)
    assert torch.equal(batch.targets[0, 5:11], codes)
    assert (batch.targets[0, 11] == END).all()
    assert (batch.codes[1, 10:] == NO_CODE).all()
    assert (batch.targets[1, 10:] == NO_TARGET).all()
    assert batch.positions[0, 5:11].tolist() == [2 + t / 2 for t in range(6)]
    assert (batch.positions[0, 11:] == NO_POSITION).all()
    assert (batch.positions[1, 9:] == NO_POSITION).all()
    assert torch.equal(batch.mel[0, 5:11], torch.from_numpy(corpus.mel(long)).view(6, -1).float())
    assert not batch.mel[1, 9:].any()


def test_rows_of_own_speech_hold_what_was_said_behind_the_prompt_of_the_text(corpus: Corpus) -> None:
    collator = Collator(corpus, ("rms", "slt"), END)
    recorded = collator.batch(corpus.utterances)
    own = collator.own(corpus.utterances, [torch.full((3, 4), 9), torch.full((7, 4), 8)])
    assert own.prompts == recorded.prompts
    assert own.frames == (3, 7)
    assert torch.equal(own.speakers, recorded.speakers)
    assert torch.equal(own.text[:, :6], recorded.text[:, :6])
    assert not own.text[:, 6:].any()
    assert (own.codes[0, 6:9] == 9).all()
    assert (own.codes[0, 9:] == NO_CODE).all()
    assert (own.codes[1, 6:] == 8).all()
    assert (own.codes[:, :6] == NO_CODE).all()


def test_own_speech_that_equals_the_recording_makes_the_same_row(corpus: Corpus) -> None:
    collator = Collator(corpus, ("slt",), END)
    recorded = collator.batch(corpus.utterances)
    own = collator.own(
        corpus.utterances, [torch.from_numpy(corpus.codes(u).astype("int64")) for u in corpus.utterances]
    )
    for name in ("text", "codes", "targets", "speakers"):
        assert torch.equal(getattr(own, name), getattr(recorded, name)), name
    assert (own.prompts, own.frames) == (recorded.prompts, recorded.frames)


@pytest.mark.parametrize("mark", [",", "[uv_break]"])
def test_the_murmur_of_a_pause_is_silence_to_be(tmp_path: Path, mark: str) -> None:
    u = Utterance("slt", "en", "hello", ("HH", mark, "L"), (0.0, 0.9, 1.0, 1.9, 2.0, 5.0), 6)
    mel = np.full((12, 100), PAUSE_GATE - 1, np.float32)
    mel[4:6, 7] = PAUSE_GATE + 1  # what still sounds there stays
    writer = ShardWriter(tmp_path / "shard0")
    writer.add(u, mel, np.zeros(6 * 512, np.float32))
    writer.close()
    corpus = Corpus(tmp_path)
    corpus.write_codes([np.zeros((6, 4), np.int16)])
    made = Collator(corpus, ("slt",), END).batch(corpus.utterances).mel[0, 5:11].view(12, 100)
    heard = torch.from_numpy(corpus.mel(u))
    assert torch.equal(made[:6], heard[:6])
    assert torch.equal(made[8:], heard[8:])
    torch.testing.assert_close(made[6:8], heard[6:8] - 3, atol=1e-3, rtol=0)  # recordings are float16
    assert made.min() > SILENCE
