"""Bodies of requests and answers, as OpenAI's description has them."""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from vivace.audio.spec import AudioFormat
from vivace.pipeline.options import SpeakOptions
from vivace.types import LanguageChoice

VoiceName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Text = Annotated[str, Field(min_length=1)]
Seed = Annotated[int, Field(ge=0, le=(1 << 53) - 1)]  # whole numbers that survive every JSON parser
Temperature = Annotated[float, Field(ge=0.001, le=2)]
TopP = Annotated[float, Field(ge=0.001, le=1)]
TopK = Annotated[int, Field(ge=1, le=1000)]
Speed = Annotated[float, Field(ge=0.25, le=4.0)]
Steps = Annotated[int, Field(ge=1, le=128)]
Penalty = Annotated[float, Field(ge=0.1, le=10)]


class Strict(BaseModel):
    """No unknown keys."""

    model_config = ConfigDict(extra="forbid")


class VoiceId(Strict):
    """``{"id": "voice_…"}``, the other way of naming a voice."""

    id: VoiceName


class Sampling(Strict):
    """What Vivace takes beyond OpenAI's fields."""

    seed: Seed | None = Field(None, description="The same text, voice and seed: the same samples.")
    language: LanguageChoice | None = None
    temperature: Temperature | None = None
    top_p: TopP | None = None
    top_k: TopK | None = None
    sample_steps: Steps | None = Field(None, description="Of the flow-matching solver: GPT-SoVITS v3 and v4.")
    by_piece: bool | None = Field(
        None, description="Audio comes in whole, judged pieces of the text; wrong ones have been spoken again."
    )

    def options(self, voice: str | None, speed: float | None, model: str | None = None) -> SpeakOptions:
        """As the speaker takes them."""
        return SpeakOptions(
            model=model,
            voice=voice,
            speed=speed,
            seed=self.seed,
            language=self.language,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            sample_steps=self.sample_steps,
            by_piece=self.by_piece,
        )


class SpeechRequest(Sampling):
    """``POST /v1/audio/speech``."""

    model: Annotated[str, StringConstraints(min_length=1, max_length=200)]
    input: Text = Field(description="The text. Longer than server.max_input_chars is answered with 413.")
    voice: VoiceName | VoiceId
    instructions: Annotated[str, StringConstraints(max_length=4096)] | None = Field(
        None, description="Taken, so that clients work, and not followed."
    )
    response_format: AudioFormat = "mp3"
    speed: Speed = 1.0
    stream_format: Literal["audio", "sse"] = "audio"

    @property
    def voice_name(self) -> str:
        """However it was written."""
        return self.voice if isinstance(self.voice, str) else self.voice.id


class ModelCard(BaseModel):
    """One of ``GET /v1/models``."""

    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    """``GET /v1/models``."""

    object: Literal["list"] = "list"
    data: list[ModelCard]


class VoiceCard(BaseModel):
    """A voice as the API shows it."""

    id: str
    object: Literal["audio.voice"] = "audio.voice"
    name: str
    created_at: int
    languages: list[str]
    description: str
    own: bool


class VoiceList(BaseModel):
    """``GET /v1/audio/voices``."""

    object: Literal["list"] = "list"
    data: list[VoiceCard]


class Deleted(BaseModel):
    """What is no more."""

    id: str
    object: str
    deleted: Literal[True] = True


class ErrorBody(BaseModel):
    """What went wrong."""

    message: str
    type: str
    param: str | None
    code: str | None


class ErrorEnvelope(BaseModel):
    """Every answer that is not 2xx."""

    error: ErrorBody


ERRORS: dict[int | str, dict[str, Any]] = {
    status: {"model": ErrorEnvelope, "description": what}
    for status, what in {
        400: "The request cannot be used as it is.",
        401: "No API key, or a wrong one.",
        403: "Not allowed.",
        404: "There is no such thing.",
        405: "Not with this method.",
        409: "The name is taken.",
        413: "Too much text, or too large a body.",
        429: "The queue is full; Retry-After says when to come back.",
        500: "Synthesis failed.",
        503: "Starting, or about to stop.",
        504: "Not within the deadline.",
    }.items()
}
