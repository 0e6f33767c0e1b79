"""Attention noted in one pass afterwards is the attention of training."""

import numpy as np
import torch

from vivace.engine.protocols import ARPrompt
from vivace.layers.attention import WholeRow
from vivace.models.chattts.gpt import AttentionRecorder, CodeMode, trace_alignment
from vivace.train.corpus.dataset import Corpus, Utterance
from vivace.train.preset import TOY
from vivace.train.voice.batching import Collator
from vivace.train.voice.model import GuidedHeads, VoiceModel, hidden_states

TOKENS = ("HH", "AH0", ",", "L", "OW1", ".")


class NoCorpus(Corpus):
    """Own speech needs no recording."""

    def __init__(self) -> None:
        pass


@torch.no_grad()
def test_a_speech_is_followed_as_in_training() -> None:
    torch.manual_seed(0)
    model = VoiceModel(TOY).eval()
    codes = torch.randint(600, (9, 4))
    utterance = Utterance("one", "en", "hello", TOKENS, tuple(np.linspace(0, 5.9, 9)), 9)
    row = Collator(NoCorpus(), TOY.speakers, 625).own([utterance], [codes])
    with GuidedHeads(model) as guided:
        hidden_states(model, row, row.codes)
    start = row.prompts[0] - 1
    wanted = torch.stack([s[0].softmax(-1) for s in guided.scores]).mean(0)[start : start + 9, 2:start]
    sizes = TOY.sizes
    mode = CodeMode(model.llama, model.embeddings, sizes.gpt)
    asked = model.prompt(row.text[:, : row.prompts[0]], row.speakers)

    prompt = ARPrompt(asked, torch.ones(asked.shape[:2], dtype=torch.bool))
    sounds = [token[0].isalpha() for token in TOKENS]
    reading = trace_alignment(mode, prompt, codes, sizes.vivace.guided_layers, sounds)
    assert reading is not None
    np.testing.assert_allclose(reading.seen, wanted.sum(0), rtol=1e-4)
    assert reading.at.tolist() == wanted.argmax(1).tolist()
    assert reading.sounds.tolist() == [True, True, False, True, True, False]


def test_looking_on_changes_nothing() -> None:
    torch.manual_seed(0)
    q, k, v = torch.randn(3, 1, 2, 7, 4)
    watched, plain = AttentionRecorder((0,), 3), WholeRow()
    assert torch.equal(watched.attend(0, q, k, v), plain.attend(0, q, k, v))
    assert torch.equal(watched.attend(1, q, k, v), plain.attend(1, q, k, v))
    (noted,) = watched.noted
    assert noted.shape == (4, 7)
    torch.testing.assert_close(noted.sum(1), torch.ones(4))
    assert noted[0, 4:].eq(0).all()
    torch.testing.assert_close(noted @ v[0, -1], plain.attend(0, q, k, v)[0, -1, 3:])
