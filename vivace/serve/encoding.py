"""Samples to bytes beside the event loop, from one encoder per stream, which ends with the stream however that ends."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import ParamSpec, Self, TypeVar

from vivace.audio.encode import StreamEncoder
from vivace.audio.resample import Samples
from vivace.audio.spec import AudioFormat, AudioSpec

P = ParamSpec("P")
R = TypeVar("R")

PLAIN = ("wav", "pcm")  # written as they are: cheaper than a change of threads


class Encoding:
    """``with Encoding(threads, format) as encoding:``; the file is what ``push`` and ``finish`` give, joined.

    A listener may leave while a thread encodes: leaving the block does not wait for it, but gives back the encoder's
    memory and threads right after it. Left to the garbage collector they pile up, two threads for each who left.
    """

    def __init__(self, threads: ThreadPoolExecutor, format: AudioFormat | AudioSpec) -> None:
        self._threads, self._format = threads, format
        self._encoder: StreamEncoder | None = None
        self._busy = threading.Lock()  # one thread at a time has the encoder

    async def push(self, samples: Samples, sample_rate: int) -> bytes:
        """The bytes that are ready once ``[N]`` more samples have come; may be none."""
        encoder = self._encoder = self._encoder or StreamEncoder(self._format, sample_rate)
        if self._format in PLAIN:
            return encoder.push(samples)
        return await self._in_thread(encoder.push, samples)

    async def finish(self) -> bytes:
        """The rest of the file; nothing where nothing was pushed."""
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
