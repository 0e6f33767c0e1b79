"""What the steps of the voice stage read: recordings, or the model's own speech of the same texts."""

from collections.abc import Iterator
from itertools import islice

from vivace.train.batching import Batch, Collator
from vivace.train.rollouts import Rollouts
from vivace.train.store import Utterance
from vivace.train.voice_model import VoiceModel

CLEAN_EVERY, OWN_EVERY = 4, 4  # one step in so many reads the teacher's codes only, or the model's own speech
OWN = 2  # which of them


def reads_own(step: int) -> bool:
    """Whether a step reads the model's own speech, where there is any."""
    return step % OWN_EVERY == OWN


def recorded(groups: Iterator[list[Utterance]], collator: Collator) -> Iterator[Batch]:
    """The teacher's codes."""
    return map(collator.batch, groups)


def spoken(
    groups: Iterator[list[Utterance]],
    collator: Collator,
    rollouts: Rollouts,
    model: VoiceModel,
    *,
    ahead: int,
    step: int,
    accumulate: int,
) -> Iterator[Batch]:
    """The teacher's codes, and the model's own speech where a step ``reads_own``.

    Args:
        ahead: steps for which it speaks at once.
        step: the first.
        accumulate: batches of a step.
    """
    while True:
        coming = [(reads_own(step + i // accumulate), g) for i, g in enumerate(islice(groups, ahead * accumulate))]
        takes = iter(rollouts.takes(model, [u for own, group in coming if own for u in group]))
        for own, group in coming:
            yield collator.batch(group, [next(takes) for _ in group] if own else ())
        step += ahead
