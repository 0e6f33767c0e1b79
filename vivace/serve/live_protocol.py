"""The messages of ``/v1/audio/speech/stream``, as JSON. Audio itself goes as binary frames."""

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field, TypeAdapter

from vivace.audio.spec import AudioFormat
from vivace.serve.problems import Problem
from vivace.serve.schemas import Sampling, Speed, Strict, VoiceName


class SessionConfig(Sampling):
    """How everything after it is spoken; each may be sent again at any time between utterances."""

    type: Literal["session.config"]
    model: str | None = Field(None, max_length=200)
    voice: VoiceName | None = None
    response_format: AudioFormat = "pcm"
    speed: Speed = 1.0


class InputText(Strict):
    """A fragment of text, as long or short as it comes."""

    type: Literal["input.text"]
    text: str


class InputDone(Strict):
    """Speak what is left, and end the utterance; the connection stays."""

    type: Literal["input.done"]


class InputCancel(Strict):
    """Stop at once, and forget what has not been spoken (barge-in)."""

    type: Literal["input.cancel"]


class SessionClose(Strict):
    """Speak what is left, then close."""

    type: Literal["session.close"]


ClientMessage = Annotated[
    SessionConfig | InputText | InputDone | InputCancel | SessionClose, Field(discriminator="type")
]
CLIENT_MESSAGE: TypeAdapter[ClientMessage] = TypeAdapter(ClientMessage)
DEFAULTS = SessionConfig.model_validate({"type": "session.config"})


class ServerMessage(BaseModel):
    """Base of what the server says."""

    type: str

    def text(self) -> str:
        """One JSON object."""
        return json.dumps(self.model_dump(), ensure_ascii=False)


class AudioStart(ServerMessage):
    """The binary frames that follow speak this sentence."""

    type: str = "audio.start"
    utterance_index: int
    sentence_index: int
    sentence_text: str
    format: str
    sample_rate: int


class AudioDone(ServerMessage):
    """The sentence has been sent. ``error`` is the envelope's inner part, or null."""

    type: str = "audio.done"
    utterance_index: int
    sentence_index: int
    total_bytes: int
    error: dict[str, Any] | None = None


class AudioCancelled(ServerMessage):
    """Nothing more of this utterance comes."""

    type: str = "audio.cancelled"
    utterance_index: int


class UtteranceDone(ServerMessage):
    """Everything up to ``input.done`` has been sent."""

    type: str = "session.done"
    utterance_index: int
    total_sentences: int


def error_message(problem: Problem) -> str:
    """What went wrong, outside a sentence."""
    return json.dumps({"type": "error", **problem.body}, ensure_ascii=False)
