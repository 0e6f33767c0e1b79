"""What the Decoder says of recordings, frame by frame, for a vocoder to learn from."""

# B batch, F mel frames, M mel bins

import random
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from vivace.train.corpus.dataset import HELD_OUT, MEL_FILE, Corpus, ShardWriter, Utterance
from vivace.train.preset import MEL_FLOOR
from vivace.train.voice.batching import Collator
from vivace.train.voice.model import VoiceModel
from vivace.train.voice.objective import decoder_forward
from vivace.train.voice.teacher_forcing import hidden_states, own_codes

SHARD = "shard0"
Mel = NDArray[np.float32]


@torch.no_grad()
def predict(model: VoiceModel, collator: Collator, utterances: Sequence[Utterance], sampled: float) -> list[Mel]:
    """Mels ``[F, M]`` timed as in the recordings, when up to ``sampled`` of the codes fed in are the model's own."""
    batch = collator.batch(utterances)
    with torch.autocast("cpu", torch.bfloat16):
        codes = own_codes(model, batch, model.head_weights(), sampled)
        hidden = hidden_states(model, batch, codes).float()
    found = []
    for b, u in enumerate(utterances):
        start = batch.prompts[b] - 1
        mel = decoder_forward(model.decoder, hidden[b : b + 1, start : start + u.frames])[0]
        found.append(mel.clamp_min(MEL_FLOOR).numpy())
    return found


def write_predicted_mels(
    corpus: Corpus, model: VoiceModel, out: Path, *, count: int, seed: int = 0, sampled: float = 0.6
) -> int:
    """``count`` utterances drawn from ``corpus`` as ``out/corpus``, their predicted mels as ``out/mels``.

    Returns: how many there are. Raises: FileExistsError when ``out`` holds some already.
    """
    torch.manual_seed(seed)
    model.eval()
    chosen = random.Random(seed).sample(corpus.part("train"), min(count, len(corpus.part("train"))))
    chosen += corpus.part(HELD_OUT)[:40]
    chosen.sort(key=lambda u: u.frames)
    collator = Collator(corpus, model.preset.speakers, model.preset.sizes.gpt.num_audio_tokens - 1)
    writer = ShardWriter(out / "corpus" / SHARD)
    (out / "mels" / SHARD).mkdir(parents=True)
    with (out / "mels" / SHARD / MEL_FILE).open("wb") as file:
        for at in range(0, len(chosen), 8):
            group = chosen[at : at + 8]
            for u, mel in zip(group, predict(model, collator, group, sampled), strict=True):
                writer.add(u, corpus.mel(u), corpus.samples(u))
                file.write(mel.astype(np.float16).tobytes())
    writer.close()
    return len(chosen)
