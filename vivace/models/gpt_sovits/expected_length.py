"""Expected length of speech: a cloned voice speaks about as fast as its recording."""

import math
from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

from vivace.engine.sampler_state import SamplingParams
from vivace.models.family import ExpectedLength, Reference
from vivace.models.gpt_sovits.phones import MARK_PHONES, PhoneRun, phone_runs
from vivace.models.gpt_sovits.t2s.model import MAX_CODES
from vivace.models.gpt_sovits.t2s.prompt import MIN_CODES, MIN_TEMPERATURE
from vivace.text import phones
from vivace.text.ja.prosody import MARKS as PROSODY
from vivace.types import LanguageChoice

CODE_RATE = 25.0  # codes per second
USUAL = 2.8  # codes per phone: nine phones a second
SLOWEST, FASTEST = 4.5, 1.6  # what a recording with other words than its transcript must not go beyond
SILENT = frozenset((*MARK_PHONES, *PROSODY))  # take no time of their own, or need not
LEAST_SHARE, LEAST = 0.5, 1.0  # of the usual length; codes per phone: 25 phones a second is too fast for speech
MOST_SHARE, SLACK = 2.5, 50  # of the usual length; two seconds of pauses beyond it


CODES_PER_PHONE = 6  # a quarter of a second; what is longer is not speech any more
SLACK_CODES = 75  # three seconds beyond that


def bounded(phones: int, params: SamplingParams) -> SamplingParams:
    """``params`` that cut speech off at what so many phones can never take."""
    most = min(MAX_CODES, params.max_new_tokens, math.ceil(phones * CODES_PER_PHONE) + SLACK_CODES)
    temperature = params.temperature if isinstance(params.temperature, tuple) else (params.temperature,)
    return replace(
        params,
        temperature=tuple(max(t, MIN_TEMPERATURE) for t in temperature),
        min_new_tokens=max(params.min_new_tokens, MIN_CODES),
        max_new_tokens=most,
    )


def expected_length(runs: Sequence[PhoneRun], reference: Reference | None) -> ExpectedLength:
    """Bounds for the codes of the speech of ``runs``, in the tempo of the reference if there is one."""
    said, tempo = spoken_phones(runs), USUAL
    if reference is not None:
        in_recording = phones_of(reference.transcript, reference.language)
        if in_recording:
            tempo = min(SLOWEST, max(FASTEST, reference.codes.shape[-1] / in_recording))
    least = math.floor(said * max(LEAST, LEAST_SHARE * tempo))
    return ExpectedLength(least, math.ceil(said * MOST_SHARE * tempo) + SLACK, CODE_RATE)


def spoken_phones(runs: Sequence[PhoneRun]) -> int:
    """Phones that take time."""
    return sum(phone not in SILENT for run in runs for phone in run.phones)


@lru_cache(maxsize=256)
def phones_of(transcript: str, language: LanguageChoice = "auto") -> int:
    """Phones of a transcript, as far as it can be read."""
    return spoken_phones(phone_runs(phones(transcript, language)))
