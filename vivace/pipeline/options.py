"""What a request may ask for, and what it comes to."""

import difflib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypedDict, TypeVar, get_args

from vivace.engine.sampler import SamplingParams
from vivace.errors import InputError, UnsupportedLanguageError
from vivace.models.gpt_sovits.splits import SplitMethod
from vivace.pipeline.voices import Voice
from vivace.runtime.seed import SEED_LIMIT
from vivace.settings import InferenceConfig
from vivace.text import Lexicon
from vivace.types import LanguageChoice

MIN_SPEED, MAX_SPEED = 0.25, 4.0
MAX_STEPS = 128
MAX_PAUSE_S = 10.0
RANDOM_SEEDS = 1 << 32  # unseeded requests draw one of these: short enough to read out and type again


class SpeakOptions(TypedDict, total=False):
    """Keywords of ``TTS.synthesize``, ``synthesize_batch`` and ``stream``. What is left out or None is the
    configuration's, then the model's own."""

    model: str | None  # of a server with several; a TTS has one, and knows its own name only
    voice: str | Voice | None  # a Voice, its name, or "seed:N" for a random speaker where the model has them
    language: LanguageChoice | None
    speed: float | None  # 0.25 to 4; the pitch stays
    seed: int | None  # the same text, voice and seed give the same samples; None draws one and reports it
    temperature: float | Sequence[float] | None  # one, or one per codebook
    top_p: float | None
    top_k: int | None
    repetition_penalty: float | None
    sample_steps: int | None  # of the flow-matching solver, 1 to 128; only GPT-SoVITS v3 and v4 have one
    lexicon: Lexicon | Mapping[str, str] | None  # word -> reading, on top of the configured lexicon's
    reuse: bool | None  # the result cache: True: any earlier speech will do, seed or not; False: neither look nor keep
    deadline_s: float | None  # seconds from now after which nobody wants the rest: DeadlineError
    split_method: SplitMethod | None  # cut the text as GPT-SoVITS does; None: at sentence ends
    pause_s: float | None  # silence after every piece, the last one too; None: what its end asks for
    by_piece: bool | None  # streams only: each chunk is a whole piece, judged, and spoken again where it was wrong
    refine: str | None  # let the model rewrite the text first, e.g. "[oral_2][laugh_0][break_6]"


@dataclass(frozen=True)
class Request:
    """Options with every choice made."""

    voice: Voice
    language: LanguageChoice
    speed: float
    seed: int
    seeded: bool  # somebody chose the seed
    reuse: bool | None  # of speech in the result cache; None: where it is seeded
    sampling: SamplingParams
    refine: str | None
    lexicon: Lexicon
    deadline_s: float | None = None
    sample_steps: int | None = None
    by_piece: bool = False
    split_method: SplitMethod | None = None
    pause_s: float | None = None


def _checked(options: SpeakOptions) -> SpeakOptions:
    known = SpeakOptions.__annotations__
    for key in options:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1)
            hint = f"did you mean {near[0]!r}?" if near else f"known: {', '.join(known)}"
            raise TypeError(f"unknown option {key!r}; {hint}")
    return options


T = TypeVar("T")


def _first(*choices: T | None) -> T | None:
    return next((choice for choice in choices if choice is not None), None)


def _sampling(options: SpeakOptions, config: InferenceConfig, default: SamplingParams) -> SamplingParams:
    temperature = options.get("temperature")
    if temperature is None:
        temperature = default.temperature if config.temperature is None else config.temperature
    penalty = _first(options.get("repetition_penalty"), config.repetition_penalty)
    return replace(
        default,
        temperature=tuple(temperature) if isinstance(temperature, Sequence) else temperature,
        top_p=_first(options.get("top_p"), config.top_p, default.top_p),
        top_k=_first(options.get("top_k"), config.top_k, default.top_k),
        repetition_penalty=default.repetition_penalty if penalty is None else penalty,
    )


def require_own_model(options: SpeakOptions, name: str) -> None:
    """Raises: InputError when the options ask for another model than the one with ``name``."""
    wanted = options.get("model")
    if wanted is not None and wanted != name:
        raise InputError(f"model {wanted[:64]!r} is not loaded, {name!r} is; leave it out, or load that one")


def make_request(
    options: SpeakOptions, config: InferenceConfig, voice: Voice, lexicon: Lexicon, sampling: SamplingParams
) -> Request:
    """Settle what a request leaves open; ``sampling`` is the model's own, own readings go on top of ``lexicon``.

    Raises:
        TypeError: an option does not exist.
        InputError: a value is out of range; the message says which range it has.
    """
    options = _checked(options)
    language = options.get("language") or config.language
    if language not in get_args(LanguageChoice):
        known = ", ".join(get_args(LanguageChoice))
        raise UnsupportedLanguageError(f"language {language!r} is not spoken; choose {known}")
    speed = options.get("speed")
    speed = config.speed if speed is None else speed
    if not MIN_SPEED <= speed <= MAX_SPEED:
        raise InputError(f"speed is {speed}; give a number from {MIN_SPEED} to {MAX_SPEED}")
    seed = options.get("seed")
    seed = config.seed if seed is None else seed
    seeded = seed is not None
    seed = secrets.randbelow(RANDOM_SEEDS) if seed is None else seed
    if not 0 <= seed < SEED_LIMIT:
        raise InputError(f"seed is {seed}; give a whole number from 0 to {SEED_LIMIT - 1}")
    lexicon |= options.get("lexicon") or {}
    deadline_s = options.get("deadline_s")
    if deadline_s is not None and not deadline_s > 0:
        raise InputError(f"deadline_s is {deadline_s}; give seconds above 0, or leave it out")
    steps = _first(options.get("sample_steps"), config.sample_steps)
    if steps is not None and not 1 <= steps <= MAX_STEPS:
        raise InputError(f"sample_steps is {steps}; give a whole number from 1 to {MAX_STEPS}")
    pause_s = options.get("pause_s")
    if pause_s is not None and not 0 <= pause_s <= MAX_PAUSE_S:
        raise InputError(f"pause_s is {pause_s}; give seconds from 0 to {MAX_PAUSE_S:g}")
    return Request(
        voice=voice,
        language=language,
        speed=speed,
        seed=seed,
        seeded=seeded,
        reuse=options.get("reuse"),
        sampling=_sampling(options, config, sampling),
        refine=options.get("refine"),
        lexicon=lexicon,
        deadline_s=deadline_s,
        sample_steps=steps,
        by_piece=bool(options.get("by_piece")),
        split_method=options.get("split_method"),
        pause_s=pause_s,
    )
