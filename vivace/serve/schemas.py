"""Request and response bodies that several APIs share, and the names of languages in all of them.

Their descriptions are the API reference of ``/docs``.
"""

import re
from collections.abc import Collection, Iterator
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator

from vivace.audio.spec import AudioFormat
from vivace.errors import UnsupportedLanguageError
from vivace.pipeline.options import SpeakOptions
from vivace.types import MAX_SPEED, MIN_SPEED, LanguageChoice, TextFormat

LEAST, MOST_TOP_K = 0.001, 1000  # of temperature and top_p; of top_k
MAX_IGNORED = 20  # parameters named in x-vivace-ignored
PARAMETER = re.compile(r"[A-Za-z0-9_.-]{1,64}")


def _no_boolean(value: Any) -> Any:
    if isinstance(value, bool):
        raise ValueError("a number is needed, not true or false")  # pydantic wants a ValueError
    return value


NoBoolean = BeforeValidator(_no_boolean)  # JSON's true is no number, although Python's is
# Clients of older APIs write greedy decoding as 0, and no limit as 0 or less.
Greedy = BeforeValidator(lambda value: LEAST if value in (0, "0", "0.0") and value is not False else value)
UnlimitedTopK = BeforeValidator(
    lambda value: MOST_TOP_K if value in (0, -1, "0", "-1") and value is not False else value
)
VoiceName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1, description="The text to speak.")]
Seed = Annotated[
    int,
    NoBoolean,
    # Whole numbers that survive every JSON parser.
    Field(ge=0, le=(1 << 53) - 1, description="The random seed. The same text, voice and seed give the same samples."),
]
Temperature = Annotated[
    float, NoBoolean, Field(ge=LEAST, le=2, description="The sampling temperature. Lower is steadier.")
]
TopP = Annotated[
    float, NoBoolean, Field(ge=LEAST, le=1, description="Nucleus sampling: the probability mass to sample from.")
]
TopK = Annotated[
    int, NoBoolean, Field(ge=1, le=MOST_TOP_K, description="Top-k sampling: the number of tokens to sample from.")
]
Speed = Annotated[
    float,
    NoBoolean,
    Field(ge=MIN_SPEED, le=MAX_SPEED, description="The speed of the speech. The pitch does not change."),
]
Steps = Annotated[
    int, NoBoolean, Field(ge=1, le=128, description="Steps of the flow-matching solver. GPT-SoVITS v3 and v4 have one.")
]
Penalty = Annotated[float, NoBoolean, Field(ge=0.1, le=10, description="The repetition penalty of sampling.")]


# GPT-SoVITS: its codes, and the names of its older API.
LANGUAGE_NAMES = {
    "all_zh": "zh",
    "中文": "zh",
    "chinese": "zh",
    "英文": "en",
    "english": "en",
    "all_yue": "yue",
    "粤语": "yue",
    "all_ja": "ja",
    "日文": "ja",
    "all_ko": "ko",
    "韩文": "ko",
    "中英混合": "auto",
    "多语种混合": "auto",
    "粤英混合": "yue",
    "日英混合": "ja",
    "韩英混合": "ko",
    "多语种混合(粤语)": "auto_yue",
}


KOKORO_LANGUAGES = {"a": "en", "b": "en", "j": "ja", "z": "zh"}  # lang_code of Kokoro-FastAPI
TAG = re.compile("[-_]")
TAGS = {"cmn": "zh", "chi": "zh", "zho": "zh", "eng": "en", "jpn": "ja", "jp": "ja"}  # ISO 639-3 and common mistakes
KNOWN = (
    *get_args(LanguageChoice),
    *(name for name, code in LANGUAGE_NAMES.items() if code in get_args(LanguageChoice)),
)
# Upper and lower case are equal; ``language_of`` checks the name, with its own error message.
Language = Annotated[str, Field(max_length=32, json_schema_extra={"enum": list(KNOWN)})]


def language_of(written: str | None) -> LanguageChoice | None:
    """The language of a name; None for an empty name. ``zh`` means Chinese with English in it, as in GPT-SoVITS.

    Raises: UnsupportedLanguageError.
    """
    if not written:
        return None
    wanted = written.strip().lower()
    wanted = LANGUAGE_NAMES.get(wanted, wanted)
    known: dict[str, LanguageChoice] = {choice: choice for choice in get_args(LanguageChoice)}
    if wanted not in known:  # a tag such as zh-CN, en_US or cmn-Hans: Cantonese where it names it, else its language
        parts = TAG.split(wanted)
        wanted = "yue" if parts[0] == "zh" and {"hk", "yue"} & set(parts) else TAGS.get(parts[0], parts[0])
    if wanted not in known:
        raise UnsupportedLanguageError(f"language {written[:32]!r} is not spoken; choose {', '.join(known)}")
    return known[wanted]


class NullIsMissing(BaseModel):
    """A body in which null stands for a missing field, as typed clients send it."""

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if value is not None}
        return values


class EmptyIsMissing(BaseModel):
    """Parameters of an API whose clients send null or an empty value for a missing one; the text is the exception."""

    @model_validator(mode="before")
    @classmethod
    def _without_empty(cls, values: Any) -> Any:
        if isinstance(values, dict):
            return {name: value for name, value in values.items() if name == "text" or value not in (None, "")}
        return values


class Lenient(NullIsMissing):
    """A body that accepts unknown keys without effect."""

    model_config = ConfigDict(extra="allow", json_schema_extra={"additionalProperties": True})

    @property
    def unknown(self) -> tuple[str, ...]:
        """The names of the unknown keys, those of inner objects with a dot; the first ones, where there are many."""
        return tuple(name for name, _ in zip(self._unknown(), range(MAX_IGNORED), strict=False))

    def _unknown(self) -> Iterator[str]:
        yield from (name for name in self.model_extra or () if PARAMETER.fullmatch(name))
        for field in type(self).model_fields:
            if isinstance(inner := getattr(self, field), Lenient):
                yield from (f"{field}.{name}" for name in inner._unknown())


def ignored_header(names: Collection[str]) -> dict[str, str]:
    """The header that names parameters without effect; empty when there are none."""
    return {"x-vivace-ignored": ", ".join(names)} if names else {}


class Strict(NullIsMissing):
    """A body that refuses unknown keys."""

    model_config = ConfigDict(extra="forbid")


class VoiceId(Strict):
    """A voice by its id, as an object."""

    id: VoiceName = Field(description="The id of a voice.")


class Sampling(NullIsMissing):
    """Options of Vivace beyond those of OpenAI's API."""

    seed: Seed | None = Field(
        None, description="The random seed. The same text, voice and seed give the same samples. Default: a new seed."
    )
    language: Language | None = Field(None, description="The language of the text. Default: detected.")
    text_format: TextFormat | None = Field(
        None, description="The format of the text: markup is not spoken. Default: that of the server, usually auto."
    )
    temperature: Temperature | None = Field(None, description="The sampling temperature. Default: that of the model.")
    top_p: TopP | None = Field(None, description="Nucleus sampling. Default: the value of the model.")
    top_k: TopK | None = Field(None, description="Top-k sampling. Default: the value of the model.")
    sample_steps: Steps | None = Field(
        None, description="Steps of the flow-matching solver, for GPT-SoVITS v3 and v4. Default: 32 and 8."
    )
    by_piece: bool | None = Field(
        None, description="Send whole pieces of the text after the speech check, which synthesizes faulty ones again."
    )

    def options(self, voice: str | None, speed: float | None, model: str | None = None) -> SpeakOptions:
        """The options for the backend."""
        return SpeakOptions(
            model=model,
            voice=voice,
            speed=speed,
            seed=self.seed,
            language=language_of(self.language),
            text_format=self.text_format,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            sample_steps=self.sample_steps,
            by_piece=self.by_piece,
        )


class SpeechRequest(Sampling, Lenient):
    """A request for speech, with the fields of OpenAI's API and the options of Vivace.

    Other fields are accepted without effect. The header x-vivace-ignored names them.
    """

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] = Field(
        description="A model of GET /v1/models."
    )
    input: Text = Field(description="The text to speak. A text beyond server.max_input_chars is refused.")
    voice: VoiceName | VoiceId = Field(description="The name or id of a voice of GET /v1/audio/voices.")
    lang_code: Annotated[str, Field(max_length=32)] | None = Field(
        None, description="The language in Kokoro-FastAPI's form: a, b, j, z or a name. The field language goes first."
    )
    stream: bool | None = Field(
        None,
        description="False sends the file when it is complete, with its length. Default: while it is made.",
    )
    instructions: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        None, description="Accepted without effect. The header x-vivace-ignored names it."
    )
    response_format: AudioFormat = Field("mp3", description="The audio format.")
    speed: Speed = Field(1.0, description="The speed of the speech. The pitch does not change.")
    stream_format: Literal["audio", "sse"] = Field(
        "audio", description="Send the audio file itself, or server-sent events with base64 audio."
    )

    @property
    def ignored(self) -> dict[str, str]:
        """The header that names the fields without effect; empty when there are none."""
        return ignored_header((*(("instructions",) if self.instructions else ()), *self.unknown))

    @property
    def spoken_language(self) -> LanguageChoice | None:
        """The language, from either field. Raises: UnsupportedLanguageError."""
        return language_of(self.language or KOKORO_LANGUAGES.get(self.lang_code or "", self.lang_code))

    @property
    def voice_name(self) -> str:
        """The name or id of the voice, from either form of ``voice``."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


class ModelObject(BaseModel):
    """A model."""

    id: str = Field(description="The name of the model.")
    object: Literal["model"] = Field(default="model", description="The type of the object.")
    created: int = Field(description="Always 0.")
    owned_by: str = Field(description="The owner of the name: vivace or openai.")


class ModelList(BaseModel):
    """A list of models."""

    object: Literal["list"] = Field(default="list", description="The type of the object.")
    data: list[ModelObject] = Field(description="The models.")


class VoiceObject(BaseModel):
    """A voice."""

    id: str = Field(description="The id of the voice. It never changes.")
    object: Literal["audio.voice"] = Field(default="audio.voice", description="The type of the object.")
    name: str = Field(description="The name of the voice.")
    created_at: int = Field(description="The time of its creation in seconds since 1970; 0 for built-in voices.")
    languages: list[str] = Field(description="The languages of the voice.")
    description: str = Field(description="A description of the voice, which may be empty.")
    own: bool = Field(description="True for a voice that is built into the model and cannot be removed.")


class NamedId(BaseModel):
    """An id and a name, as Open WebUI reads them."""

    id: str = Field(description="The id.")
    name: str = Field(description="The name.")


class AudioModelList(ModelList):
    """A list of models, with their names for Open WebUI."""

    models: list[NamedId] = Field(description="The ids and names of the models.")


class VoiceList(BaseModel):
    """A list of voices."""

    object: Literal["list"] = Field(default="list", description="The type of the object.")
    data: list[VoiceObject] = Field(description="The voices.")
    voices: list[NamedId] = Field(description="The ids and names of the voices, for clients that read only these.")


class Deleted(BaseModel):
    """Confirms that an object was deleted."""

    id: str = Field(description="The id of the deleted object.")
    object: str = Field(description="The type of the deleted object.")
    deleted: Literal[True] = Field(default=True, description="Always true.")


class ErrorBody(BaseModel):
    """The details of an error."""

    message: str = Field(description="A sentence that says what is wrong and how to correct it.")
    type: str = Field(description="The kind of error.")
    param: str | None = Field(description="The parameter that is wrong; null when no single one is.")
    code: str | None = Field(description="The code of the error, for programs.")


class ErrorEnvelope(BaseModel):
    """The body of every answer with an error status."""

    error: ErrorBody = Field(description="The error.")


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope, "description": meaning}
    for status, meaning in {
        400: "The request is not valid.",
        401: "The API key is missing or wrong.",
        403: "The request is not allowed.",
        404: "The model, voice or path does not exist.",
        405: "The path does not take this method.",
        409: "The name is in use.",
        413: "The text or the body is too long.",
        429: "The queue is full. The header retry-after gives the seconds to wait.",
        500: "The synthesis failed.",
        503: "The server is starting or about to stop.",
        504: "The deadline has passed.",
    }.items()
}
