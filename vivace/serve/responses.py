"""Audio as HTTP responses: encoded beside the event loop, sent while it is made, stopped when the client leaves."""

import asyncio
import logging
import threading
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import numpy as np
from fastapi import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from vivace.audio.encode import StreamEncoder, encode
from vivace.audio.resample import Samples
from vivace.audio.spec import AudioFormat, AudioSpec
from vivace.errors import AbortedError
from vivace.pipeline.options import SpeakOptions
from vivace.pipeline.speech import AudioChunk, Speech
from vivace.serve.errors import problem_of
from vivace.serve.service import Service

log = logging.getLogger(__name__)
P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

UNCOMPRESSED = ("wav", "pcm")  # encoded on the event loop: cheaper than a change of threads


class AsyncEncoder:
    """One encoder of a stream, run in a pool of threads.

    ``with AsyncEncoder(threads, format) as encoder:``; the file is the output of ``push`` and ``finish``, joined. A
    client may leave while a thread encodes: leaving the block does not wait for it, but frees the encoder's memory
    and threads right after it. Left to the garbage collector they pile up, two threads for each client that left.
    """

    def __init__(self, threads: ThreadPoolExecutor, format: AudioFormat | AudioSpec) -> None:
        self._threads, self._format = threads, format
        self._encoder: StreamEncoder | None = None
        self._busy = threading.Lock()  # one thread at a time has the encoder

    async def push(self, samples: Samples, sample_rate: int) -> bytes:
        """Encode ``[N]`` samples, and return the bytes that are ready, which may be none."""
        encoder = self._encoder = self._encoder or StreamEncoder(self._format, sample_rate)
        if self._format in UNCOMPRESSED:
            return encoder.push(samples)
        return await self._in_thread(encoder.push, samples)

    async def finish(self) -> bytes:
        """The rest of the file; no bytes when nothing was pushed."""
        return b"" if self._encoder is None else await self._in_thread(self._encoder.finish)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._encoder is None:
            return
        try:
            self._threads.submit(self._alone, self._encoder.close)
        except RuntimeError:  # the server has ended, and its threads
            self._alone(self._encoder.close)

    async def _in_thread(self, call: Callable[P, bytes], *args: P.args, **kwargs: P.kwargs) -> bytes:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, lambda: self._alone(call, *args, **kwargs))

    def _alone(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        with self._busy:
            return call(*args, **kwargs)


async def encode_stream(
    service: Service, chunks: AsyncGenerator[AudioChunk, None], format: AudioFormat | AudioSpec
) -> AsyncGenerator[bytes, None]:
    """One file in ``format``, part by part, from one encoder."""
    with AsyncEncoder(service.threads, format) as encoder:
        async with aclosing(chunks):
            async for chunk in chunks:
                if part := await encoder.push(chunk.samples, chunk.sample_rate):
                    yield part
        if rest := await encoder.finish():
            yield rest


async def encode_whole(
    service: Service, chunks: AsyncGenerator[AudioChunk, None], format: AudioFormat | AudioSpec
) -> AsyncGenerator[bytes, None]:
    """One file in ``format``, at the end: for FLAC, since readers such as libsndfile need its length in the header."""
    async with aclosing(chunks):
        made = [chunk async for chunk in chunks]
    if made:
        samples = np.concatenate([chunk.samples for chunk in made])
        yield await service.in_thread(encode, samples, made[0].sample_rate, format)


def cached_audio(
    service: Service,
    text: str,
    options: SpeakOptions,
    format: AudioFormat | AudioSpec,
    *,
    whole: bool = False,
) -> AsyncGenerator[bytes, None]:
    """The audio file of ``text``, part by part: from the response cache, or synthesized now.

    ``whole``: in one part, with its length in the header.
    """
    if whole and format != "flac":
        return encode_whole(service, service.stream(text, options), format)
    key = service.response_cache.key(text, options, format)
    if format == "flac":
        return service.response_cache.parts(key, lambda: encode_whole(service, service.stream(text, options), "flac"))
    return service.response_cache.parts(key, lambda: encode_stream(service, service.stream(text, options), format))


def speech_headers(speech: Speech) -> dict[str, str]:
    """Headers that describe a finished speech: its seed, the result of the speech check, the retries."""
    stats = speech.stats
    faults = ", ".join(f"piece {one.piece} {one.fault}" for one in stats.faults)
    return {
        "x-vivace-seed": str(stats.seed),
        "x-vivace-verdict": faults or "ok",
        "x-vivace-retries": str(stats.retries),
    }


class AudioResponse(Response):
    """A body that is made while it is sent.

    The status waits for the first part: an error before it is answered like any other error. A later error closes the
    connection without an end, so that no client takes a part for the whole. When the client leaves, ``parts`` is
    cancelled.
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
