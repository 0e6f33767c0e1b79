"""Parameters that may come as a query string, as a form or as JSON: clients of older APIs use each of them."""

import json
from typing import Any, TypeVar

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ValidationError
from starlette.datastructures import UploadFile

from vivace.serve.problems import RequestError
from vivace.serve.service import Service

M = TypeVar("M", bound=BaseModel)

MAX_FIELDS = 64
MAX_FILES = 4
MEGABYTE = 1_000_000


async def read_parameters(request: Request, model: type[M], service: Service) -> tuple[M, dict[str, bytes]]:
    """The parameters, those of the body over those of the query string, and the recordings that came with them.

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


def _json_object(body: bytes) -> dict[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError) as exc:
        raise RequestError(400, "invalid_json", "the body is not JSON; send an object of parameters") from exc
    if not isinstance(found, dict):
        raise RequestError(400, "invalid_json", f"the body is a {type(found).__name__}; send an object of parameters")
    return found
