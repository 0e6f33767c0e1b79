"""GPT-SoVITS' api_v2: ``/tts``, ``/set_refer_audio``, ``/set_gpt_weights`` and ``/set_sovits_weights``.

``GET /speakers`` and ``POST /`` are those of the adapter that SillyTavern's extension talks to.

References are voices by id or name, or uploads: a path in a request is never opened. There, the ``set_`` requests are
GET requests that open any path. Here they are POST requests that need an API key, and they take registered names only:
voices of ``/v1/audio/voices`` and models of the settings. A request that names its own model and voice is not affected
by them. ``/control`` is not offered.

A missing parameter of ``/tts`` takes the default of api_v2 where it concerns the API (``cut5``, 0.3 s), and that of the
model where it concerns the model: for GPT-SoVITS the two are equal, except ``sample_steps``, which is 8 for v4 and 32
for v3. Source: sections 13 and 15 of the GPT-SoVITS front-end facts.
"""

import logging
import re
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints
from starlette.responses import Response

from vivace.audio.spec import AudioFormat
from vivace.errors import TTSError, WeightsMismatchError
from vivace.pipeline.options import SpeakOptions
from vivace.serve.api import Api, message_under
from vivace.serve.errors import RequestError
from vivace.serve.forms import read_parameters
from vivace.serve.responses import AudioResponse, encode_stream, speech_headers, while_connected
from vivace.serve.schemas import (
    ERRORS,
    EmptyIsMissing,
    Greedy,
    Language,
    Lenient,
    NoBoolean,
    Penalty,
    Seed,
    Speed,
    Steps,
    Temperature,
    Text,
    TopK,
    TopP,
    UnlimitedTopK,
    VoiceName,
    ignored_header,
    language_of,
)
from vivace.serve.service import Served, Service
from vivace.voices.voice import Voice

router = APIRouter(tags=["GPT-SoVITS"], responses=ERRORS)
API = Api(
    router, error_body=message_under("message"), upload_paths=frozenset({"/tts"}), speaking_gets=frozenset({"/tts"})
)

log = logging.getLogger(__name__)

MEDIA: dict[str, AudioFormat] = {
    "wav": "wav",
    "raw": "pcm",
    "ogg": "opus",  # in an Ogg container; api_v2 sends Vorbis, and players of Ogg take both
    "aac": "aac",
    "mp3": "mp3",
    "flac": "flac",
    "opus": "opus",
}
REFERENCE = "ref_audio"  # the form field of an uploaded recording
PATH_REFUSED = (
    "{} takes a voice's id or name, never a path; upload the recording to /v1/audio/voices, "
    "or with this request as ref_audio"
)
ITS_REFERENCE = re.compile(r"\./参考音频/([^/\\]+?)(?:\.wav)?")
BATCHED = "pieces of all requests are batched as they come"
STREAMED = "chunks of a stream are cut by the settings of the group stream, and join without a seam"
# Accepted, so that clients work, and without effect.
IGNORED = {
    "batch_size": BATCHED,
    "batch_threshold": BATCHED,
    "split_bucket": BATCHED,
    "parallel_infer": BATCHED,
    "overlap_length": STREAMED,
    "min_chunk_length": STREAMED,
}
# Parameters that only GPT-SoVITS models have, and the option of Vivace for each.
FAMILY_OPTIONS = {"text_split_method": "split_method", "sample_steps": "sample_steps"}
CHANGED = "The default was changed."
NO_EFFECT = "Accepted without effect."
Id = Annotated[str, StringConstraints(min_length=1, max_length=200)]


@dataclass
class ApiV2Defaults:
    """The model and the voice of ``/tts`` requests that name none; the ``set_`` requests change them."""

    model: str | None = None  # None: the default model
    voice: str | None = None  # None: the default voice


def _unset(value: Any) -> Any:
    return None if value in ("", -1, "-1") else value


def _listed(value: Any) -> Any:
    """Query strings and forms write a list as one value with commas, as several, or as an empty one."""
    values = value if isinstance(value, list) else [] if value is None else [value]
    parts = [part.split(",") if isinstance(part, str) else [part] for part in values]
    return [part.strip() if isinstance(part, str) else part for several in parts for part in several if part]


def _no_super_sampling(wanted: bool) -> bool:
    if wanted:
        raise ValueError("the network for that (AP-BWE) is not here; v4 speaks at 48 kHz by itself; leave it out")
    return wanted


class ApiV2Request(EmptyIsMissing, Lenient):
    """The parameters of /tts. A missing or empty parameter has the default of api_v2."""

    text: Text
    text_lang: Language = Field("auto", description="The language of the text.")
    ref_audio_path: str | None = Field(
        None, max_length=200, description="The id or name of a voice. Paths are refused."
    )
    aux_ref_audio_paths: Annotated[list[VoiceName], BeforeValidator(_listed)] = Field(
        default_factory=list,
        max_length=8,
        description="Further voices to average with the first (GPT-SoVITS v1, v2, v2Pro and v2ProPlus).",
    )
    prompt_text: str = Field("", max_length=1000, description="The transcript of an uploaded recording.")
    prompt_lang: str = Field("", max_length=32, description="The language of prompt_text. Default: detected.")
    top_k: Annotated[TopK | None, UnlimitedTopK] = Field(
        None, description="Top-k sampling. Default: that of the model, 15 with GPT-SoVITS."
    )
    top_p: Annotated[TopP | None, Greedy] = Field(
        None, description="Nucleus sampling. Default: that of the model, 1 with GPT-SoVITS."
    )
    temperature: Annotated[Temperature | None, Greedy] = Field(
        None, description="The sampling temperature. Default: that of the model, 1 with GPT-SoVITS."
    )
    text_split_method: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5", "auto"] = Field(
        "cut5", description="The rule that splits the text into pieces. auto splits at sentence ends."
    )
    batch_size: Annotated[int, NoBoolean, Field(ge=1)] = Field(1, description=NO_EFFECT)
    batch_threshold: float = Field(0.75, description=NO_EFFECT)
    split_bucket: bool = Field(True, description=NO_EFFECT)
    speed_factor: Speed = Field(1.0, description="The speed of the speech. The pitch does not change.")
    fragment_interval: Annotated[float, NoBoolean, Field(ge=0, le=10)] = Field(
        0.3, description="Seconds of silence after each piece."
    )
    seed: Annotated[Seed | None, BeforeValidator(_unset)] = Field(
        None, description="The random seed. The default, -1, draws a new one."
    )
    parallel_infer: bool = Field(True, description=NO_EFFECT)
    repetition_penalty: Penalty | None = Field(
        None, description="The repetition penalty. Default: that of the model, 1.35 with GPT-SoVITS."
    )
    sample_steps: Annotated[Steps | None, BeforeValidator(_unset)] = Field(
        None, description="Steps of the flow-matching solver. Default: 32 with v3, 8 with v4."
    )
    super_sampling: Annotated[bool, AfterValidator(_no_super_sampling)] = Field(
        False, description="Not supported. The value true is refused."
    )
    streaming_mode: bool | Annotated[int, Field(ge=0, le=3)] = Field(
        False, description="1 sends whole pieces after the speech check, 2 and 3 send audio as soon as possible."
    )
    overlap_length: int = Field(2, description=NO_EFFECT)
    min_chunk_length: int = Field(16, description=NO_EFFECT)
    media_type: Literal["wav", "raw", "ogg", "aac", "mp3", "flac", "opus"] = Field(
        "wav", description="The audio format."
    )
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="A model of GET /v1/models. This parameter is an extension of api_v2."
    )

    @property
    def ignored(self) -> tuple[str, ...]:
        """The parameters that were sent and have no effect. The reason is logged once."""
        sent = tuple(name for name in IGNORED if name in self.model_fields_set and getattr(self, name))
        for name in sent:
            _note(name)
        return (*sent, *self.unknown)

    @property
    def streams(self) -> bool:
        """Whether audio is sent while it is made."""
        return bool(self.streaming_mode)

    def unsupported(self, able: frozenset[str]) -> tuple[str, ...]:
        """The parameters that were sent and that only models of another family have."""
        return tuple(
            name
            for name, option in FAMILY_OPTIONS.items()
            if name in self.model_fields_set and option not in able and getattr(self, name) not in (None, "auto")
        )

    def options(self, able: frozenset[str]) -> SpeakOptions:
        """The options without voice and model; those of a model family only where ``able`` names them."""
        split = None if self.text_split_method == "auto" else self.text_split_method
        return SpeakOptions(
            language=language_of(self.text_lang),
            speed=self.speed_factor,
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            repetition_penalty=self.repetition_penalty,
            sample_steps=self.sample_steps if "sample_steps" in able else None,
            split_method=split if "split_method" in able else None,
            pause_s=self.fragment_interval,
            by_piece=self.streaming_mode in (1, True),
        )


class SetGptWeights(BaseModel):
    """The model that provides the GPT part."""

    weights_path: Id = Field(description="The name of a model of GET /v1/models. Paths are refused.")


class SetSovitsWeights(BaseModel):
    """The model that provides the SoVITS part."""

    weights_path: Id = Field(description="The name of a model of GET /v1/models. Paths are refused.")


class SetReferAudio(BaseModel):
    """The voice of requests that name none."""

    refer_audio_path: Id = Field(description="The id or name of a voice of GET /v1/audio/voices. Paths are refused.")


class SpeakerObject(BaseModel):
    """A voice, in the form that SillyTavern reads."""

    name: str = Field(description="The name of the voice.")
    voice_id: str = Field(description="The id of the voice.")


class Success(BaseModel):
    """Confirms that a default was changed."""

    message: str = Field(default="success", description="The word success, and a remark if the other half must follow.")


@dataclass(frozen=True)
class ModelPair:
    """The names of the models that provide the GPT part and the SoVITS part."""

    gpt: str
    sovits: str

    @property
    def name(self) -> str:
        """The name of the pair, as in ``/v1/models``."""
        return self.gpt if self.gpt == self.sovits else f"{self.gpt}+{self.sovits}"


def _json_body(model: type[BaseModel]) -> dict[str, Any]:
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": model.model_json_schema()}}}}


SCHEMA = ApiV2Request.model_json_schema()
RECORDING = {"type": "string", "format": "binary", "description": "A recording of the voice to clone."}
UPLOAD = {**SCHEMA, "properties": {**SCHEMA["properties"], REFERENCE: RECORDING}}
BODY = {
    "requestBody": {
        "required": True,
        "content": {"application/json": {"schema": SCHEMA}, "multipart/form-data": {"schema": UPLOAD}},
    }
}
JSON_BODY = {"requestBody": {"required": True, "content": {"application/json": {"schema": SCHEMA}}}}
AUDIO: dict[int | str, dict[str, Any]] = {
    200: {"description": "The audio file.", "content": {f"audio/{name}": {} for name in MEDIA}}
}


@router.get("/tts", responses=AUDIO, response_class=Response, summary="Speak a text")
async def get_tts(request: Request, service: Served, asked: Annotated[ApiV2Request, Query()]) -> Response:
    """Speak a text. The parameters are in the query string."""
    return await _speak(request, service, asked, None)


@router.post("/tts", responses=AUDIO, response_class=Response, openapi_extra=BODY, summary="Speak a text")
async def post_tts(request: Request, service: Served) -> Response:
    """Speak a text. The parameters are JSON, or a form that may carry a recording in the field ref_audio."""
    asked, recordings = await read_parameters(request, ApiV2Request, service)
    return await _speak(request, service, asked, recordings.get(REFERENCE))


@router.get("/speakers", summary="List the voices for SillyTavern", response_description="The voices.")
async def speakers(service: Served) -> list[SpeakerObject]:
    """List the voices in the form of SillyTavern's GPT-SoVITS extension."""
    return [SpeakerObject(name=one.name, voice_id=one.id) for one in await service.in_thread(service.voices.list)]


@router.post("/", responses=AUDIO, response_class=Response, openapi_extra=JSON_BODY, summary="Speak for SillyTavern")
async def post_root(request: Request, service: Served) -> Response:
    """Speak a text as SillyTavern's GPT-SoVITS extension asks for it.

    ref_audio_path is ./参考音频/NAME.wav there: NAME is the id or name of a voice, and no file is opened.
    """
    asked, _ = await read_parameters(request, ApiV2Request, service)
    if asked.ref_audio_path and (named := ITS_REFERENCE.fullmatch(asked.ref_audio_path)):
        asked = asked.model_copy(update={"ref_audio_path": named[1]})
    return await _speak(request, service, asked, None)


@router.post(
    "/set_gpt_weights",
    openapi_extra=_json_body(SetGptWeights),
    summary="Choose the GPT model",
    response_description=CHANGED,
)
async def set_gpt_weights(request: Request, service: Served) -> Success:
    """Choose the model whose GPT part /tts requests without a model use. This needs an API key."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetGptWeights, service)
    return await _change(service, ModelPair(asked.weights_path, _pair(service).sovits), asked.weights_path)


@router.post(
    "/set_sovits_weights",
    openapi_extra=_json_body(SetSovitsWeights),
    summary="Choose the SoVITS model",
    response_description=CHANGED,
)
async def set_sovits_weights(request: Request, service: Served) -> Success:
    """Choose the model whose SoVITS part /tts requests without a model use. This needs an API key."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetSovitsWeights, service)
    return await _change(service, ModelPair(_pair(service).gpt, asked.weights_path), asked.weights_path)


@router.post(
    "/set_refer_audio",
    openapi_extra=_json_body(SetReferAudio),
    summary="Choose the default voice",
    response_description=CHANGED,
)
async def set_refer_audio(request: Request, service: Served) -> Success:
    """Choose the voice of /tts requests without a voice. This needs an API key."""
    _require_keys(service)
    asked, _ = await read_parameters(request, SetReferAudio, service)
    defaults = service.state(ApiV2Defaults)
    defaults.voice = await service.in_thread(service.voices.find, asked.refer_audio_path, defaults.model)
    return Success()


async def _speak(request: Request, service: Service, asked: ApiV2Request, recording: bytes | None) -> Response:
    if asked.model is not None:
        service.require_model(asked.model)
    model = asked.model or service.state(ApiV2Defaults).model
    able = await service.in_thread(service.backend.family_options, model)
    voice = await _voice(service, asked, recording, model)
    options = SpeakOptions(**{**asked.options(able), "model": model, "voice": voice})
    ignored = (*asked.ignored, *asked.unsupported(able))
    format, media_type = MEDIA[asked.media_type], f"audio/{asked.media_type}"
    headers = ignored_header(ignored)
    if asked.streams:
        return AudioResponse(encode_stream(service, service.stream(asked.text, options), format), media_type, headers)
    speech = await while_connected(request, service.synthesize(asked.text, options))
    headers |= speech_headers(speech)
    return Response(await service.in_thread(speech.encode, format), media_type=media_type, headers=headers)


async def _voice(
    service: Service, asked: ApiV2Request, recording: bytes | None, model: str | None
) -> str | Voice | None:
    if recording is not None:
        if not asked.prompt_text.strip():
            raise RequestError(
                400, "missing_parameter", "write in prompt_text what ref_audio says", param="prompt_text"
            )
        language = language_of(asked.prompt_lang) or "auto"
        main: str | Voice | None = await service.cloning(
            model, service.voices.reference, recording, asked.prompt_text, model, language
        )
    else:
        for param, wanted in _named(asked):
            if "/" in wanted or "\\" in wanted:
                raise RequestError(400, "path_refused", PATH_REFUSED.format(param), param=param)
        wanted_voice = asked.ref_audio_path or service.state(ApiV2Defaults).voice
        main = await service.in_thread(service.voices.find, wanted_voice, model)
    if not asked.aux_ref_audio_paths:
        return main
    return await service.in_thread(service.voices.blend, main, asked.aux_ref_audio_paths, model)


def _named(asked: ApiV2Request) -> list[tuple[str, str]]:
    named = [("aux_ref_audio_paths", wanted) for wanted in asked.aux_ref_audio_paths]
    return [("ref_audio_path", asked.ref_audio_path), *named] if asked.ref_audio_path else named


def _require_keys(service: Service) -> None:
    """Refuse the request on a server without keys: anybody could change the defaults. Raises: RequestError."""
    if not service.config.server.api_keys:
        raise RequestError(403, "key_required", "this changes what others hear; set server.api_keys to allow it")


def _pair(service: Service) -> ModelPair:
    gpt, _, sovits = (service.state(ApiV2Defaults).model or service.backend.name).partition("+")
    return ModelPair(gpt, sovits or gpt)


async def _change(service: Service, wanted: ModelPair, id: str) -> Success:
    """Load the pair, and make it the default if it can be loaded.

    Two models of different phone sets do not fit; the pair becomes the default all the same, because a client that
    changes both halves sends them one after the other.
    """
    if "+" in id:
        raise RequestError(404, "model_not_found", f"{id[:64]!r} is a pair; name one model", param="weights_path")
    service.require_model(id)
    message = "success"
    try:
        async with service.backend.holding(wanted.name):
            pass
    except WeightsMismatchError as exc:
        message = f"success, once the other half is set too: {exc}"
    except TTSError as exc:
        raise RequestError(400, "change_failed", f"{id!r} cannot be used: {exc}", param="weights_path") from exc
    service.state(ApiV2Defaults).model = wanted.name
    return Success(message=message)


@cache
def _note(name: str) -> None:
    log.info("/tts: %s has no effect: %s", name, IGNORED[name])
