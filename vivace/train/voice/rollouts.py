"""A model in training speaks by itself, and the next steps hear whether it said what it should.

Scheduled sampling draws codes beside a recording, where every mistake is forgotten after a few frames. In free speech
mistakes build on one another, and the clock is the model's own. Source: arXiv:1511.06732 (training on what a model
generates), arXiv:1011.0686 (on the inputs that it will meet).
"""

# T code frames, Q codebooks, L prompt positions, D width

import random
from collections.abc import Sequence

import torch
from torch import Tensor

from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.protocols import ARPrompt
from vivace.engine.sampler import SamplingParams
from vivace.layers.native.kernels import kernels
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.train.corpus.dataset import Utterance
from vivace.train.voice.batching import Collator
from vivace.train.voice.model import VoiceModel

ROWS, POSITIONS = 24, 1024
LENGTHS = (0.75, 1.3)  # of the recording's; what lies outside ends early or is caught in a loop, and is not learnt from
TEMPERATURES = (0.1, 0.5)


class Rollouts:
    """Speaks texts with a copy of the model, as a user would hear it."""

    def __init__(self, collator: Collator, rng: random.Random) -> None:
        self._collator, self._rng = collator, rng

    def usable(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Tensor | None]:
        """``codes``; None where there are far fewer or more of them than the recording has."""
        shortest, longest = LENGTHS
        said = zip(utterances, self.codes(model, utterances), strict=True)
        return [codes if shortest <= len(codes) / u.frames <= longest else None for u, codes in said]

    @torch.no_grad()
    def codes(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Tensor]:
        """What the weights as they are say of each text, ``[T, Q]``."""
        engine = _engine(model)
        orders = {engine.submit(self._job(model, u)): i for i, u in enumerate(utterances)}
        said: list[list[Tensor]] = [[] for _ in utterances]
        while not engine.idle:
            for update in engine.step(0.0):
                if update.codes is not None:
                    said[orders[update.id]].append(update.codes)
        return [torch.stack(codes).long() for codes in said]

    def _job(self, model: VoiceModel, u: Utterance) -> Job:
        row = self._collator.batch([u])
        prompt = model.prompt(row.text[:, : row.prompts[0]], row.speakers)
        params = SamplingParams(
            temperature=self._rng.uniform(*TEMPERATURES),
            min_new_tokens=max(1, len(u.tokens) // 2),
            max_new_tokens=min(int(LENGTHS[1] * u.frames) + 1, POSITIONS - prompt.shape[1] - 1),
        )
        mask = torch.ones(prompt.shape[:2], dtype=torch.bool)
        return Job(ARPrompt(prompt, mask), params, self._rng.getrandbits(48))


def _engine(model: VoiceModel) -> Engine:
    """An engine over a copy of ``model`` in the precision that it is served in."""
    gpt = model.preset.sizes.gpt
    llama, embeddings = Llama(gpt), Embeddings(gpt, text_head=False)
    llama.load_state_dict(model.llama.state_dict())
    embeddings.load_state_dict(_folded(model))
    for module in (llama, embeddings):
        module.eval().requires_grad_(False)
    if kernels() is not None:
        llama.set_precision("int8")
    llama.fuse()
    embeddings.fuse(exact=llama.is_exact)
    modes = {"code": CodeMode(llama, embeddings, gpt, model.preset.sizes.vivace.end_codebooks)}
    config = EngineConfig(rows=ROWS, positions=POSITIONS, long_rows=0, queue_size=1 << 20, graphs=False)
    return Engine(modes, config, dtype=llama.kv_dtype, native=llama.native)


def _folded(model: VoiceModel) -> dict[str, Tensor]:
    """The state of the embeddings with their weight-normalised heads as plain matrices."""
    state = {k: v for k, v in model.embeddings.state_dict().items() if not k.startswith("head_code")}
    width = model.preset.sizes.gpt.hidden_size
    rows = model.head_weights().view(model.preset.sizes.gpt.num_vq, -1, width)
    return state | {f"head_code.{q}.weight": rows[q] for q in range(len(rows))}
