import random
from pathlib import Path

import numpy as np
import pytest
import torch

from vivace.train.corpus.dataset import Corpus, ShardWriter, Utterance, phone_tokens
from vivace.train.corpus.recording import SAMPLE_RATE
from vivace.train.recognizer import (
    BLANK,
    Recognizer,
    RecognizerOptions,
    error_rate,
    label,
    labels,
    lesson,
    load_recognizer,
    recognition_loss,
    roughened,
    spoken_labels,
    tones,
    train_recognizer,
    without_tone,
)
from vivace.train.run import Budget

SAID = ("HH", "AH0", "L", "OW1", "i_n", "f_v3", ",", "[uv_break]", "f_er2", ".")


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Corpus:
    """Utterances in which every sound is a mel pattern of its own, six code frames long."""
    root = tmp_path_factory.mktemp("corpus")
    writer, rng = ShardWriter(root / "shard0"), random.Random(1)
    patterns = {name: np.random.default_rng(i).normal(-3, 2, 100) for i, name in enumerate(("AA", "B", "f_a1"))}
    for i in range(24):
        tokens = tuple(rng.sample(("AA1", "B", "f_a1"), 3) + ["AA1"][: rng.randrange(2)])
        mel = np.concatenate([np.tile(patterns[name], (12, 1)) for name in spoken_labels(tokens)]).astype(np.float32)
        part = "held out" if i < 4 else "train"
        utterance = Utterance(
            "one", "en", "", tokens, tuple(np.linspace(0, 3, 6 * len(tokens))), 6 * len(tokens), part=part
        )
        writer.add(utterance, mel, np.zeros(512, np.float32))
    writer.close()
    return Corpus(root)


def test_labels_are_sounds_without_stress() -> None:
    assert spoken_labels(SAID) == ["HH", "AH", "L", "OW", "i_n", "f_v3", "f_er2"]
    assert tones(spoken_labels(SAID)) == ["3", "2"]
    assert [without_tone(name) for name in spoken_labels(SAID)][-2:] == ["f_v", "f_er"]
    assert {label(token) for token in phone_tokens()} == {*labels(), None}
    assert len(labels()) == len(set(labels()))


def test_repetitions_and_blanks_are_taken_out() -> None:
    best = torch.tensor([BLANK, 1, 1, BLANK, 1, 2, 2, BLANK])
    assert Recognizer.collapse(best) == [labels()[0], labels()[0], labels()[1]]


def test_what_is_heard_does_not_depend_on_the_padding(corpus: Corpus) -> None:
    model = Recognizer(16, 1).eval()
    first = corpus.utterances[0]
    with torch.inference_mode():
        alone = model(lesson(corpus, [first]).mel)
        again = model(lesson(corpus, [first, first]).mel)
    torch.testing.assert_close(alone[0], again[1])


def test_roughening_changes_what_is_heard_but_not_how_long_it_is(corpus: Corpus) -> None:
    given = lesson(corpus, corpus.utterances[:2])
    options = RecognizerOptions(Budget(1e-3, steps=1))
    rough = roughened(given.mel.clone(), options, random.Random(0))
    assert rough.shape == given.mel.shape
    assert not torch.equal(rough, given.mel)


def test_it_learns_and_is_found_again(corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "recognizer.safetensors"
    options = RecognizerOptions(Budget(5e-3, steps=30, warmup=5), frames=400, hidden=24, layers=1, masks=0)
    given = lesson(corpus, corpus.utterances)
    torch.manual_seed(options.seed)
    with torch.inference_mode():
        before = recognition_loss(Recognizer(24, 1), given.mel, given)
    model = train_recognizer(corpus, path, options)
    with torch.inference_mode():
        assert recognition_loss(model, given.mel, given) < 0.2 * before
    assert error_rate(model, corpus, corpus.part("held out")) <= 1
    again = load_recognizer(path)
    torch.testing.assert_close(again(given.mel), model.eval()(given.mel))
    assert isinstance(again.hear(np.zeros(SAMPLE_RATE, np.float32)), list)
