from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.train.batching import NO_CODE, NO_TARGET, Collator
from vivace.train.retiming import Take
from vivace.train.store import Corpus, ShardWriter, Utterance

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


def test_rows_of_own_speech_read_it_and_predict_the_recording(corpus: Corpus) -> None:
    long, short = corpus.utterances
    own = torch.full((7, 4), 9)
    take = Take(own, np.array([0, 0, 1, 2, 4, 4, 5]), 0.1)
    batch = Collator(corpus, ("slt",), END).batch([long, short], [take, None])
    recorded = torch.from_numpy(corpus.codes(long).astype(np.int64))[take.source]
    assert batch.frames == (7, 4)
    assert batch.own.tolist() == [True, False]
    assert torch.equal(batch.codes[0, 6:], own)
    assert torch.equal(batch.targets[0, 5:12], recorded)
    assert (batch.targets[0, 12] == END).all()
    mel = torch.from_numpy(corpus.mel(long)).view(6, -1)[take.source]
    assert torch.equal(batch.mel[0, 5:12], mel)
    assert batch.positions[0, 5:12].tolist() == [2 + 3 * t / 6 for t in take.source]
    plain = Collator(corpus, ("slt",), END).batch([short])
    assert torch.equal(batch.codes[1, : plain.codes.shape[1]], plain.codes[0])
    assert torch.equal(batch.targets[1, : plain.codes.shape[1]], plain.targets[0])


def test_who_stops_too_early_is_told_what_comes_next(corpus: Corpus) -> None:
    long = corpus.utterances[0]
    take = Take(torch.full((2, 4), 9), np.array([0, 1]), 0.1)
    batch = Collator(corpus, ("slt",), END).batch([long], [take])
    assert torch.equal(batch.targets[0, 7], torch.from_numpy(corpus.codes(long).astype(np.int64))[2])
