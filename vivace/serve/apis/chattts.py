"""ChatTTS's ``/generate_voice``: several texts, a zip of MP3 files. Source: section 22.3 of the ChatTTS facts."""

import io
import zipfile
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Request, Response
from pydantic import Field

from vivace.errors import InputError, TextTooLongError, VoiceNotFoundError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import Speech
from vivace.pipeline.voice_catalog import voice_of_string
from vivace.serve.api import Api, message_under
from vivace.serve.responses import while_connected
from vivace.serve.schemas import ERRORS, NullIsMissing, Penalty, Seed, Temperature, Text, TopK, TopP
from vivace.serve.service import Served, Service

router = APIRouter(tags=["ChatTTS"], responses=ERRORS)
API = Api(router, error_body=message_under("detail"), invalid_status=422)

MAX_TEXTS = 64
ZIP = "application/zip"


class RefineParams(NullIsMissing):
    """Options of the text refinement. Its sampling is that of the model."""

    prompt: str = Field("", max_length=200, description="The control tokens of the refinement, for example [oral_2].")


class InferParams(NullIsMissing):
    """Options of the synthesis. Unknown keys are ignored."""

    top_P: TopP | None = Field(None, description="Nucleus sampling. Default: the value of the model.")  # noqa: N815
    top_K: TopK | None = Field(None, description="Top-k sampling. Default: the value of the model.")  # noqa: N815
    temperature: Temperature | None = Field(None, description="The sampling temperature. Default: that of the model.")
    repetition_penalty: Penalty | None = Field(None, description="The repetition penalty. Default: that of the model.")
    manual_seed: Seed | None = Field(None, description="The random seed. It also draws a speaker if spk_emb is empty.")
    spk_emb: str | None = Field(None, max_length=20_000, description="A speaker string of ChatTTS.")


class GenerateVoiceRequest(NullIsMissing):
    """The fields of ChatTTS. The fields stream, use_decoder and those of text normalization have no effect."""

    text: Annotated[list[Text], Field(min_length=1, max_length=MAX_TEXTS)] = Field(
        description="The texts to speak, one audio file for each."
    )
    lang: Literal["zh", "en"] | None = Field(None, description="The language of the texts. Default: detected.")
    skip_refine_text: bool = Field(False, description="Turn the text refinement off.")
    params_refine_text: RefineParams | None = Field(
        None, description="Options of the text refinement. Without them the texts are not refined."
    )
    params_infer_code: InferParams = Field(description="Options of the synthesis.")


@router.post(
    "/generate_voice",
    response_class=Response,
    summary="Speak several texts",
    responses={
        200: {"description": "A ZIP archive with 0.mp3, 1.mp3 and so on.", "content": {ZIP: {}}},
        422: {"description": "A field is not valid.", "model": dict[str, Any]},
    },
)
async def generate_voice(request: Request, service: Served, body: GenerateVoiceRequest) -> Response:
    """Speak several texts with the same voice."""
    limit = service.config.server.max_input_chars
    if sum(map(len, body.text)) > limit:
        raise TextTooLongError(f"the texts have more than {limit} characters together; send fewer at a time")
    given = body.params_infer_code
    refine = body.params_refine_text
    options = SpeakOptions(
        language=body.lang,
        seed=given.manual_seed,
        temperature=given.temperature,
        top_p=given.top_P,
        top_k=given.top_K,
        repetition_penalty=given.repetition_penalty,
        refine=None if refine is None or body.skip_refine_text else refine.prompt,
    )
    speeches = await while_connected(request, _speak(service, body.text, options, given))
    headers = {"content-disposition": 'attachment; filename="audio_files.zip"'}
    return Response(await service.in_thread(_zipped, speeches), media_type=ZIP, headers=headers)


async def _speak(service: Service, texts: list[str], options: SpeakOptions, given: InferParams) -> list[Speech]:
    if given.spk_emb:
        voice = voice_of_string("request", given.spk_emb)
        if voice is None:
            raise InputError(f"spk_emb {given.spk_emb[:20]!r} is not a speaker string; copy the whole string")
        return await service.synthesize_batch(texts, {**options, "voice": voice})
    if given.manual_seed is not None:  # in ChatTTS it chooses the speaker, too
        try:
            return await service.synthesize_batch(texts, {**options, "voice": f"seed:{given.manual_seed}"})
        except VoiceNotFoundError:  # a model without random speakers
            pass
    return await service.synthesize_batch(texts, options)


def _zipped(speeches: list[Speech]) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_STORED) as archive:  # MP3 does not get smaller
        for index, speech in enumerate(speeches):
            archive.writestr(f"{index}.mp3", speech.encode("mp3"))
    return file.getvalue()
