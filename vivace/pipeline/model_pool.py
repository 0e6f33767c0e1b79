"""Several models in one process: loaded on demand, unloaded when memory is short and no request uses them."""

import logging
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Self

from vivace.errors import DeviceError, EngineError
from vivace.pipeline.tts import TTS

log = logging.getLogger(__name__)

CLOSED = "the models are closed; start again"


@dataclass(frozen=True)
class Source:
    """A model that can be loaded."""

    open: Callable[[], TTS]
    estimate: Callable[[], int]  # bytes that it will take


@dataclass
class _Held:
    tts: TTS
    bytes: int
    users: int = 0


@dataclass(frozen=True)
class LoadedModel:
    """A model in memory."""

    name: str
    bytes: int
    users: int  # requests that it works on


class Lease:
    """The right to use a model: it stays loaded until ``release``."""

    def __init__(self, tts: TTS, give_back: Callable[[], None]) -> None:
        self.tts, self._give_back = tts, give_back

    def release(self) -> None:
        """Return the model. A second call changes nothing."""
        give_back, self._give_back = self._give_back, lambda: None
        give_back()


class ModelPool:
    """Leases models to requests. Safe to use from several threads.

    A model in use is never unloaded. A request for a model that does not fit beside the models in use waits until
    enough of them are released. Later requests wait behind it, so that no request waits for ever. A loaded model is
    leased to all requests that wait for it at that time: two models that do not fit together take turns, but not at
    every request.

    Args:
        sources: by name, in the order in which they are listed.
        limit: bytes of all loaded models together; None: no limit.
        working: bytes that a loaded model takes beyond its estimate.
    """

    def __init__(
        self, sources: Mapping[str, Source], *, limit: int | None = None, working: Callable[[TTS], int] = lambda _: 0
    ) -> None:
        self._sources, self._limit, self._working = sources, limit, working
        self._held: OrderedDict[str, _Held] = OrderedDict()  # the least recently used first
        self._changed = threading.Condition()
        self._short = self._closed = False  # short: a request waits for memory
        self._waiting: deque[tuple[str, Future[Lease]]] = deque()
        self._serving = False  # the loader is at work
        self._loader = ThreadPoolExecutor(1, thread_name_prefix="vivace-models")  # one after the other, in order

    @classmethod
    def of(cls, tts: TTS) -> "ModelPool":
        """A pool of one model that is loaded already. Closing the pool closes it."""
        pool = cls({tts.name: Source(lambda: tts, lambda: 0)})
        pool._held[tts.name] = _Held(tts, 0)
        return pool

    @property
    def loaded(self) -> tuple[LoadedModel, ...]:
        """The models in memory, the least recently used first."""
        with self._changed:
            return tuple(LoadedModel(name, held.bytes, held.users) for name, held in self._held.items())

    def peek(self, name: str) -> TTS | None:
        """The model if it is loaded, for inspection only: it may be closed at any moment."""
        with self._changed:
            held = self._held.get(name)
            return None if held is None else held.tts

    def lease(self, name: str) -> "Future[Lease]":
        """Ask for a model; the result may be there at once. Cancel it, or release what it gives.

        The future's errors: WeightsError and the like when it cannot be loaded; DeviceError when it is larger than the
        limit; EngineError once the pool is closed.
        """
        future: Future[Lease] = Future()
        with self._changed:
            if self._closed:
                raise EngineError(CLOSED)
            held = self._held.get(name)
            if held is not None and not self._short:
                future.set_result(self._lent(name, held))
                return future
            self._waiting.append((name, future))
            if not self._serving:
                self._serving = True
                self._loader.submit(self._serve)
        return future

    @contextmanager
    def use(self, name: str) -> Iterator[TTS]:
        """A model for a ``with`` block; waits for it."""
        lease = self.lease(name).result()
        try:
            yield lease.tts
        finally:
            lease.release()

    def close(self) -> None:
        """Close every model; requests that wait receive an EngineError."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        self._loader.shutdown()
        with self._changed:
            held, self._held = self._held, OrderedDict()
        for one in held.values():
            one.tts.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _lent(self, name: str, held: _Held) -> Lease:
        held.users += 1
        self._held.move_to_end(name)
        return Lease(held.tts, partial(self._returned, held))

    def _returned(self, held: _Held) -> None:
        with self._changed:
            held.users -= 1
            self._changed.notify_all()

    def _serve(self) -> None:
        """In the loader's thread, while requests wait: load the first model, lease it to all that wait for it."""
        while True:
            with self._changed:
                while self._waiting and self._waiting[0][1].cancelled():
                    self._waiting.popleft()
                if not self._waiting:
                    self._serving = False
                    return
                name = self._waiting[0][0]
            try:
                held, error = self._fetched(name), None
            except Exception as exc:  # the requests that wait receive it
                held, error = None, exc
            with self._changed:
                served = [future for wanted, future in self._waiting if wanted == name]
                self._waiting = deque(one for one in self._waiting if one[0] != name)
                for future in served:
                    if not future.set_running_or_notify_cancel():
                        continue
                    if held is not None:
                        future.set_result(self._lent(name, held))
                    else:
                        future.set_exception(error)

    def _fetched(self, name: str) -> _Held:
        with self._changed:
            held = self._held.get(name)
            if held is not None and not self._closed:
                return held
        source = self._sources[name]
        size = source.estimate()
        if self._limit is not None and size > self._limit:
            raise DeviceError(
                f"model {name!r} takes {size / 1e6:.0f} MB, more than all models may ({self._limit / 1e6:.0f} MB); "
                "raise models_memory_mb"
            )
        self._make_room(size)
        tts = source.open()
        with self._changed:
            if self._closed:
                tts.close()
                raise EngineError(CLOSED)
            self._held[name] = held = _Held(tts, size)
        log.info("model %s is loaded (%.0f MB)", name, size / 1e6)
        return held

    def _make_room(self, size: int) -> None:
        """Unload until ``size`` bytes fit. Raises: EngineError when the pool is closed meanwhile."""
        while True:
            with self._changed:
                while (name := self._leaving(size)) is None and not self._closed and self._overfull(size):
                    self._short = True
                    self._changed.wait()
                self._short = False
                if self._closed:
                    raise EngineError(CLOSED)
                if name is None:
                    return
                leaving = self._held.pop(name)
            leaving.tts.close()  # not under the lock: it waits for the step at hand
            log.info("model %s is unloaded", name)

    def _leaving(self, size: int) -> str | None:
        """The least recently used model without users, if one must be unloaded."""
        if not self._overfull(size):
            return None
        return next((name for name, held in self._held.items() if not held.users), None)

    def _overfull(self, size: int) -> bool:
        if self._limit is None:
            return False
        return bool(self._held) and size + sum(map(self._bytes, self._held.values())) > self._limit

    def _bytes(self, held: _Held) -> int:
        return held.bytes + self._working(held.tts)
