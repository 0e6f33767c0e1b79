"""The options of a request, and the request with every choice made."""

import difflib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar, get_args

from vivace.engine.sampler_state import SamplingParams
from vivace.errors import InputError, UnsupportedLanguageError
from vivace.models.options import FamilyOptions
from vivace.models.registry import FamilyEntry, FamilyKeywords, option_names, read_family_options
from vivace.runtime.seed import SEED_LIMIT
from vivace.settings import InferenceConfig, TextConfig
from vivace.text import Lexicon
from vivace.text.documents import DocumentOptions
from vivace.types import MAX_PAUSE_S, MAX_SPEED, MIN_SPEED, LanguageChoice, TextFormat
from vivace.voices.voice import Voice

RANDOM_SEEDS = 1 << 32  # unseeded requests draw one of these: short enough to read out and type again


class SpeakOptions(FamilyKeywords, total=False):
    """Keywords of ``TTS.synthesize``, ``synthesize_batch`` and ``stream``.

    An option that is missing or None takes its value from the configuration, then from the model. Options of one model
    family (``FamilyKeywords``) raise InputError with a model of another family.
    """

    model: str | None  # of a server with several; a TTS has one, and knows its own name only
    voice: str | Voice | None  # a Voice, its name, or "seed:N" for a random speaker where the model has them
    language: LanguageChoice | None
    speed: float | None  # 0.25 to 4; the pitch stays
    seed: int | None  # the same text, voice and seed give the same samples; None draws one and reports it
    temperature: float | Sequence[float] | None  # one, or one per codebook
    top_p: float | None
    top_k: int | None
    repetition_penalty: float | None
    text_format: TextFormat | None  # auto, plain, markdown, html, subtitles; None: the configured one
    lexicon: Lexicon | Mapping[str, str] | None  # word -> reading, on top of the configured lexicon's
    reuse: bool | None  # the result cache: True: any earlier speech will do, seed or not; False: neither look nor keep
    deadline_s: float | None  # seconds from now; DeadlineError when the speech is not complete by then
    max_audio_s: float | None  # stop with an InputError when the speech becomes longer
    pause_s: float | None  # silence after every piece, the last one too; None: what its end asks for
    by_piece: bool | None  # streams only: each chunk is a whole piece, judged, and spoken again where it was wrong


@dataclass(frozen=True)
class Request:
    """Options with every choice made."""

    voice: Voice
    language: LanguageChoice
    speed: float
    seed: int
    seeded: bool  # the seed was chosen, not drawn
    reuse: bool | None  # of speech in the result cache; None: where it is seeded
    sampling: SamplingParams
    lexicon: Lexicon
    family_options: FamilyOptions = field(default_factory=FamilyOptions)
    deadline_s: float | None = None
    max_audio_s: float | None = None
    by_piece: bool = False
    pause_s: float | None = None
    document: DocumentOptions = field(default_factory=DocumentOptions)


def document_options(config: TextConfig, format: TextFormat | None = None) -> DocumentOptions:
    """How a text is taken: the ``format`` of a request, else the configured one. Raises: InputError."""
    return DocumentOptions(format or config.format, config.code_blocks, config.emoji)


def _checked(options: SpeakOptions) -> SpeakOptions:
    known = {**SpeakOptions.__annotations__, **dict.fromkeys(option_names())}
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


def too_long(max_audio_s: float) -> str:
    """The message for speech that is longer than allowed."""
    return f"the speech is longer than {max_audio_s:g} s, which is the limit of one request; send the text in parts"


def require_own_model(options: SpeakOptions, name: str) -> None:
    """Raises: InputError when the options ask for another model than the one with ``name``."""
    wanted = options.get("model")
    if wanted is not None and wanted != name:
        raise InputError(f"model {wanted[:64]!r} is not loaded, {name!r} is; leave it out, or load that one")


def make_request(
    options: SpeakOptions,
    config: InferenceConfig,
    voice: Voice,
    lexicon: Lexicon,
    sampling: SamplingParams,
    family: FamilyEntry,
    text: TextConfig | None = None,
) -> Request:
    """Fill in what a request leaves open.

    Args:
        lexicon: of the configuration; the request's own readings are added to it.
        sampling: the defaults of the model.
        family: of the model.
        text: of the configuration; None: its defaults.

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
    max_audio_s = options.get("max_audio_s")
    if max_audio_s is not None and not max_audio_s > 0:
        raise InputError(f"max_audio_s is {max_audio_s}; give seconds above 0, or leave it out")
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
        lexicon=lexicon,
        deadline_s=deadline_s,
        max_audio_s=max_audio_s,
        family_options=read_family_options(family, {k: v for k, v in options.items() if k in option_names()}),
        by_piece=bool(options.get("by_piece")),
        pause_s=pause_s,
        document=document_options(text or TextConfig(), options.get("text_format")),
    )
