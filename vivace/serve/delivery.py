"""Speech on its way to a listener: encoded beside the event loop, and stopped as soon as the listener has gone."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Coroutine, Mapping
from contextlib import aclosing, suppress
from typing import Any, TypeVar

from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.errors import AbortedError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import AudioChunk
from vivace.serve.encoding import Encoding
from vivace.serve.problems import problem_of
from vivace.serve.service import Service

log = logging.getLogger(__name__)
T = TypeVar("T")


async def encoded(
    service: Service, chunks: AsyncGenerator[AudioChunk, None], format: AudioFormat | AudioSpec
) -> AsyncGenerator[bytes, None]:
    """One file in ``format``, part by part, from one encoder."""
    with Encoding(service.threads, format) as encoding:
        async with aclosing(chunks):
            async for chunk in chunks:
                if part := await encoding.push(chunk.samples, chunk.sample_rate):
                    yield part
        if rest := await encoding.finish():
            yield rest


def answered(
    service: Service, text: str, options: SpeakOptions, format: AudioFormat | AudioSpec
) -> AsyncGenerator[bytes, None]:
    """The file that speaks ``text``, part by part: from the response cache, or made now."""
    key = service.answers.key(text, options, format)
    return service.answers.parts(key, lambda: encoded(service, service.stream(text, options), format))


class Delivery(Response):
    """A body that is made while it is sent.

    The status waits for the first part: what fails before it is answered like any other error. What fails later breaks
    the connection off, so that nobody takes a part for the whole. When the client leaves, ``parts`` is cancelled.
    """

    def __init__(
        self, parts: AsyncGenerator[bytes, None], media_type: str, headers: Mapping[str, str] | None = None
    ) -> None:
        self._parts = parts
        self.status_code = 200
        self.media_type = media_type
        self.background = None
        self.init_headers(headers)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        gone = asyncio.create_task(_gone(receive))
        try:
            part = await _unless(gone, anext(self._parts, None))
            await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
            try:
                while part is not None:
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                    part = await _unless(gone, anext(self._parts, None))
            except AbortedError:
                raise
            except Exception as exc:
                scope["state"]["problem"] = problem_of(exc).code
                log.error("a stream broke off: %s", exc)
                return  # without an end: the server closes the connection
            await send({"type": "http.response.body", "body": b"", "more_body": False})
        except AbortedError:
            scope["state"]["problem"] = "client_gone"
        finally:
            gone.cancel()
            await self._parts.aclose()


async def while_connected(request: Request, work: Coroutine[Any, Any, T]) -> T:
    """The result of ``work``, which is cancelled when the client leaves. Raises: AbortedError then."""
    gone = asyncio.create_task(_gone(request.receive))
    try:
        return await _unless(gone, work)
    finally:
        gone.cancel()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _unless(gone: asyncio.Task[None], work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            raise AbortedError("the client has gone")
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            with suppress(asyncio.CancelledError, Exception):
                await task
