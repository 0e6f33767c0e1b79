"""A model in training speaks by itself: what it says is what the next steps read.

Scheduled sampling draws codes beside a recording, where every mistake is forgotten after a few frames. In free speech
mistakes build on one another, and the clock is the model's own; so it is trained on what it says, put back in time
with the recording (``retiming``). Source: arXiv:1011.0686 (data aggregation), arXiv:1506.03099 for why.
"""

# T code frames, L prompt positions, D width, M mel bins

import copy
import random
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.sampler import SamplingParams
from vivace.layers.native.kernels import kernels
from vivace.models.base import ARPrompt
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama
from vivace.train.batching import Collator
from vivace.train.preset import MEL_FLOOR
from vivace.train.retiming import Take, retime
from vivace.train.store import FRAMES_PER_CODE, N_MELS, Corpus, Utterance
from vivace.train.voice_model import VoiceModel

ROWS, POSITIONS = 24, 1024
LONGEST = 1.35  # of the recording's duration; what lasts longer is caught in a loop
TEMPERATURES = (0.1, 0.5)
TOO_FAR = 0.7  # natural log of mel: such speech says something else; most of it lies below 0.5


class Rollouts:
    """Speaks the texts of a corpus with a copy of ``model``, as a user would hear it."""

    def __init__(self, corpus: Corpus, collator: Collator, rng: random.Random) -> None:
        self._corpus, self._collator, self._rng = corpus, collator, rng

    @torch.no_grad()
    def takes(self, model: VoiceModel, utterances: Sequence[Utterance]) -> list[Take | None]:
        """One each, by the weights as they are; None where it is too far from the recording to learn from."""
        engine = _engine(model)
        orders = {engine.submit(self._job(model, u)): i for i, u in enumerate(utterances)}
        codes: list[list[Tensor]] = [[] for _ in utterances]
        hidden: list[list[Tensor]] = [[] for _ in utterances]
        while not engine.idle:
            for update in engine.step(0.0):
                if update.codes is not None and update.hidden is not None:
                    codes[orders[update.id]].append(update.codes)
                    hidden[orders[update.id]].append(update.hidden.clone())
        said = zip(utterances, codes, hidden, strict=True)
        return [self._take(model, u, torch.stack(c), torch.stack(h)) if c else None for u, c, h in said]

    def _job(self, model: VoiceModel, u: Utterance) -> Job:
        row = self._collator.batch([u])
        prompt = model.prompt(row.text[:, : row.prompts[0]], row.speakers)
        room = POSITIONS - prompt.shape[1] - 1
        params = SamplingParams(
            temperature=self._rng.uniform(*TEMPERATURES),
            min_new_tokens=len(u.tokens) // 2,
            max_new_tokens=min(int(LONGEST * u.frames) + 12, room),
        )
        mask = torch.ones(prompt.shape[:2], dtype=torch.bool)
        return Job(ARPrompt(prompt, mask), params, self._rng.getrandbits(48))

    def _take(self, model: VoiceModel, u: Utterance, codes: Tensor, hidden: Tensor) -> Take | None:
        spread = model.decoder.coef.flatten()
        own = model.mel_head(hidden.float()).view(len(hidden), FRAMES_PER_CODE, N_MELS).mean(1) * spread
        recorded = torch.from_numpy(self._corpus.mel(u)).clamp_min(MEL_FLOOR)
        source, cost = retime(own.clamp_min(MEL_FLOOR), recorded.view(-1, FRAMES_PER_CODE, N_MELS).mean(1))
        if cost > TOO_FAR:
            return None
        over = np.flatnonzero(source == u.frames - 1)  # what it says after the end is not meant
        length = int(over[0]) + 1 if len(over) else len(source)
        return Take(codes[:length], source[:length], cost)


def _engine(model: VoiceModel) -> Engine:
    """An engine over a copy of ``model`` in the precision that it is served in."""
    gpt = model.preset.sizes.gpt
    llama, embeddings = Llama(gpt), Embeddings(gpt, text_head=False)
    llama.load_state_dict(copy.deepcopy(model.llama.state_dict()))
    embeddings.load_state_dict(_folded(model))
    for module in (llama, embeddings):
        module.eval().requires_grad_(False)
    if kernels() is not None:
        llama.set_precision("int8")
    llama.fuse()
    embeddings.fuse()
    modes = {"code": CodeMode(llama, embeddings, gpt)}
    config = EngineConfig(rows=ROWS, positions=POSITIONS, long_rows=0, queue_size=1 << 20, graphs=False)
    return Engine(modes, config, dtype=llama.kv_dtype, native=llama.native)


def _folded(model: VoiceModel) -> dict[str, Tensor]:
    """The state of the embeddings with their weight-normalised heads as plain matrices."""
    state = {k: v.clone() for k, v in model.embeddings.state_dict().items() if not k.startswith("head_code")}
    width = model.preset.sizes.gpt.hidden_size
    rows = model.head_weights().view(model.preset.sizes.gpt.num_vq, -1, width)
    return state | {f"head_code.{q}.weight": rows[q].clone() for q in range(len(rows))}
