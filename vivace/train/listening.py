"""What a recogniser hears in a model's own speech, as a loss: it needs neither a recording nor an alignment.

The recognisers (``ears``) are trained on teachers only and stay as they are. Source: Graves et al., "Connectionist
temporal classification", ICML 2006, doi:10.1145/1143844.1143891.
"""

# B batch, T code frames, F mel frames, M mel bins, K labels, Q codebooks

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

import torch
import torch.nn.functional as F
from torch import Tensor

from vivace.train.batching import Batch, Collator
from vivace.train.ears import Ears
from vivace.train.objective import decoder_forward
from vivace.train.preset import MEL_FLOOR
from vivace.train.recogniser import BLANK, labels
from vivace.train.recogniser import said as labels_of
from vivace.train.recogniser_stage import MARGIN
from vivace.train.rollouts import Rollouts
from vivace.train.store import FRAMES_PER_CODE, Utterance
from vivace.train.teacher_forcing import hidden_states
from vivace.train.voice_model import VoiceModel


@dataclass(frozen=True)
class Said:
    """A text, and what the model said of it."""

    utterance: Utterance
    codes: Tensor  # [T, Q]


def own_speech(
    rollouts: Rollouts, model: VoiceModel, groups: Iterator[list[Utterance]], ahead: int
) -> Iterator[list[Said]]:
    """What ``model`` says of the texts of ``groups``, ``ahead`` of them at a time by the weights of that moment.

    A group lacks what is of no use, and may be empty.
    """
    while True:
        coming = list(islice(groups, ahead))
        codes = iter(rollouts.usable(model, [u for group in coming for u in group]))
        for group in coming:
            yield [Said(u, spoken) for u in group if (spoken := next(codes)) is not None]


@dataclass(frozen=True)
class Heard:
    """Ears, and what there is to listen to."""

    ears: Ears
    collator: Collator
    speech: Iterator[list[Said]]

    def loss(self, model: VoiceModel, budget: int, rng: random.Random) -> Tensor | None:
        """``heard_loss`` of the next group, of at most ``budget`` code frames of it; None if it is empty."""
        said = next(self.speech)
        if not said:
            return None
        rng.shuffle(said)
        while len(said) > 1 and sum(len(s.codes) for s in said) > budget:
            said.pop()
        batch = self.collator.own([s.utterance for s in said], [s.codes for s in said])
        ids = {name: i + 1 for i, name in enumerate(labels())}
        wanted = [torch.tensor([ids[name] for name in labels_of(s.utterance.tokens)]) for s in said]
        return heard_loss(model, self.ears, batch, wanted, rng)


def heard_loss(model: VoiceModel, ears: Ears, batch: Batch, wanted: list[Tensor], rng: random.Random) -> Tensor:
    """CTC loss per label of ``wanted``, ``[K]`` a row, in what the Decoder makes of the model's own codes."""
    longest = max(batch.frames)
    with torch.autocast("cpu", torch.bfloat16):
        hidden = hidden_states(model, batch, batch.codes).float()
        spans = zip(hidden, batch.prompts, batch.frames, strict=True)
        states = [F.pad(row[prompt - 1 :][:frames], (0, 0, 0, longest - frames)) for row, prompt, frames in spans]
        mel = decoder_forward(model.decoder, torch.stack(states))
    frames = FRAMES_PER_CODE * torch.tensor(batch.frames)
    over = torch.arange(mel.shape[1]) >= frames[:, None]
    mel = F.pad(mel.masked_fill(over[..., None], MEL_FLOOR), (0, 0, MARGIN, MARGIN), value=MEL_FLOOR)
    return F.ctc_loss(
        ears.hear(mel, rng).transpose(0, 1),
        torch.nn.utils.rnn.pad_sequence(wanted, batch_first=True),
        (frames + 2 * MARGIN) // 2,
        torch.tensor([len(w) for w in wanted]),
        BLANK,
        zero_infinity=True,
    )
