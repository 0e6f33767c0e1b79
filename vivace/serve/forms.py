"""Request parameters in a query string, a form or JSON, and uploaded recordings."""

import io
import json
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from vivace.audio.decode import layout
from vivace.errors import AudioDecodeError
from vivace.serve.errors import RequestError
from vivace.serve.service import Service
from vivace.types import MEGABYTE

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS = 64
MAX_FILES = 4
MAX_CHANNELS, MAX_RATE = 2, 96_000  # Hz; other layouts are no recording of one person, and unpack to many times more


async def read_parameters(request: Request, model: type[M], service: Service) -> tuple[M, dict[str, bytes]]:
    """The parameters, and the uploaded recordings by field. The body takes precedence over the query string.

    Raises: RequestValidationError, RequestError.
    """
    values: dict[str, Any] = dict(request.query_params)
    recordings: dict[str, bytes] = {}
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind in ("application/x-www-form-urlencoded", "multipart/form-data"):
        async with request.form(max_files=MAX_FILES, max_fields=MAX_FIELDS) as form:
            for key, value in form.multi_items():
                if isinstance(value, str):
                    values[key] = value
                else:
                    recordings[key] = await read_recording(value, service)
    elif body := await request.body():
        values |= _json_object(body)
    try:
        return model.model_validate(values), recordings
    except ValidationError as exc:
        raise RequestValidationError(exc.errors(include_url=False, include_context=False)) from exc


async def read_recording(file: UploadFile, service: Service) -> bytes:
    """The content of an upload. Raises: RequestError when it is too large."""
    limit = service.config.server.max_upload_mb * MEGABYTE
    if file.size is not None and file.size > limit:
        raise RequestError(413, "recording_too_large", f"the recording is larger than {limit / MEGABYTE:g} MB; cut it")
    return await file.read()


def validate_upload(recording: bytes) -> bytes:
    """``recording`` unchanged. Raises: AudioDecodeError when its header is not that of a recording of one person."""
    channels, rate = layout(io.BytesIO(recording), "the recording")
    if channels > MAX_CHANNELS or rate > MAX_RATE:
        raise AudioDecodeError(
            f"the recording has {channels} channels at {rate} Hz; give mono or stereo, at most {MAX_RATE} Hz"
        )
    return recording


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise RequestError(400, "invalid_json", "the body is not JSON; send an object of parameters") from exc
    if not isinstance(found, dict):
        raise RequestError(400, "invalid_json", f"the body is a {type(found).__name__}; send an object of parameters")
    return found
