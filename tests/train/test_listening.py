import random
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
import torch
from torch import Tensor

from vivace.train.corpus.dataset import Corpus, Utterance
from vivace.train.preset import TOY
from vivace.train.recognizer import Recognizer, labels, spoken_labels
from vivace.train.voice.asr_loss import (
    GeneratedSpeech,
    GeneratedSpeechLoss,
    Recognizers,
    Rollouts,
    ctc_loss,
    generated_speech,
)
from vivace.train.voice.batching import Collator
from vivace.train.voice.model import VoiceModel

TOKENS = ("HH", "AH0", "L", "OW1")


def utterance(frames: int = 12) -> Utterance:
    return Utterance("one", "en", "hello", TOKENS, tuple(np.linspace(0, 3.9, frames)), frames)


class NoCorpus(Corpus):
    """Own speech needs no recording."""

    def __init__(self) -> None:
        pass


class Parrot(Rollouts):
    """Says the number of an utterance's frames, if that is even; counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def usable(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Tensor | None]:
        self.asked.append(len(utterances))
        return [torch.full((u.frames, 4), u.frames) if u.frames % 2 == 0 else None for u in utterances]


@pytest.fixture
def model() -> VoiceModel:
    torch.manual_seed(0)
    return VoiceModel(TOY)


@pytest.fixture
def collator() -> Collator:
    return Collator(NoCorpus(), TOY.speakers, 625)


@pytest.fixture
def recognizers() -> Recognizers:
    torch.manual_seed(1)
    return Recognizers((Recognizer(16, 2),))


@pytest.fixture
def smooth(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is made harder to hear."""
    monkeypatch.setattr("vivace.train.recognizer.LEVEL", 0.0)
    monkeypatch.setattr("vivace.train.voice.asr_loss.NOISE", 0.0)
    monkeypatch.setattr("vivace.train.voice.asr_loss.MASK", 1)


def wanted(tokens: Sequence[str] = TOKENS) -> Tensor:
    return torch.tensor([1 + labels().index(name) for name in spoken_labels(tokens)])


def test_both_parts_of_the_voice_learn_and_the_listener_does_not(
    model: VoiceModel, collator: Collator, recognizers: Recognizers
) -> None:
    batch = collator.own([utterance()], [torch.randint(600, (12, 4))])
    ctc_loss(model, recognizers, batch, [wanted()], random.Random(0)).backward()  # type: ignore[no-untyped-call]
    taught = {name.partition(".")[0] for name, p in model.named_parameters() if p.grad is not None and p.grad.any()}
    assert taught == {"llama", "embeddings", "decoder", "speakers"}
    assert all(p.grad is None for p in recognizers.listeners[0].parameters())


def test_what_is_heard_can_be_learned(
    model: VoiceModel, collator: Collator, recognizers: Recognizers, smooth: None
) -> None:
    batch = collator.own([utterance()], [torch.randint(600, (12, 4))])
    adam = torch.optim.Adam(model.parameters(), 3e-3)
    found = []
    for _ in range(40):
        loss = ctc_loss(model, recognizers, batch, [wanted()], random.Random(0))
        adam.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        adam.step()
        found.append(float(loss.detach()))
    assert found[-1] < 0.9 * found[0]


def test_a_row_is_heard_alike_beside_a_longer_one(
    model: VoiceModel, collator: Collator, recognizers: Recognizers, smooth: None
) -> None:
    rng = random.Random(0)
    short, long = torch.randint(600, (12, 4)), torch.randint(600, (30, 4))
    both = ctc_loss(model, recognizers, collator.own([utterance()] * 2, [short, long]), [wanted()] * 2, rng)
    alone = [
        ctc_loss(model, recognizers, collator.own([utterance()], [codes]), [wanted()], rng) for codes in (short, long)
    ]
    # The Decoder and the listener see padding at the end of the short row instead of nothing; their reach is short.
    torch.testing.assert_close(both, (alone[0] + alone[1]) / 2, rtol=0.05, atol=0.05)


def test_speech_is_asked_for_ahead_and_what_failed_is_left_out(model: VoiceModel) -> None:
    groups: Iterator[list[Utterance]] = iter([[utterance(n), utterance(n + 1)] for n in (4, 6, 8, 10)])
    parrot = Parrot()
    speech = generated_speech(parrot, model, groups, ahead=2)
    assert [s.utterance.frames for s in next(speech)] == [4]
    assert parrot.asked == [4]
    assert [s.utterance.frames for s in next(speech)] == [6]
    assert [s.utterance.frames for s in next(speech)] == [8]
    assert parrot.asked == [4, 4]


def test_a_group_is_cut_to_the_budget(model: VoiceModel, collator: Collator, recognizers: Recognizers) -> None:
    asked: list[int] = []

    class Counting(Collator):
        def own(self, utterances, codes):  # type: ignore[no-untyped-def]
            asked.append(sum(map(len, codes)))
            return super().own(utterances, codes)

    counting = Counting(NoCorpus(), TOY.speakers, 625)
    speech = iter([[GeneratedSpeech(utterance(), torch.randint(600, (20, 4))) for _ in range(5)]])
    loss = GeneratedSpeechLoss(recognizers, counting, speech).loss(model, 50, random.Random(0))
    assert loss is not None
    assert torch.isfinite(loss)
    assert asked == [40]


def test_a_group_of_which_nothing_is_of_use_has_no_loss(
    model: VoiceModel, collator: Collator, recognizers: Recognizers
) -> None:
    speech = generated_speech(Parrot(), model, iter([[utterance(5)], [utterance(6)]]), ahead=1)
    asr_loss = GeneratedSpeechLoss(recognizers, collator, speech)
    assert asr_loss.loss(model, 50, random.Random(0)) is None
    assert asr_loss.loss(model, 50, random.Random(0)) is not None
