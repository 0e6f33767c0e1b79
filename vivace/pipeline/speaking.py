"""One request in progress: its pieces run side by side in the engine and are heard in order."""

# Q codebooks, T frames

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from vivace.audio.resample import Samples
from vivace.engine.engine import Job
from vivace.engine.frame_stage import Ramp
from vivace.engine.worker import AudioPart, Finished, Message, Order, Worker
from vivace.errors import TTSError
from vivace.pipeline.family import Stages
from vivace.pipeline.options import Request
from vivace.pipeline.piece_audio import PieceAudio
from vivace.pipeline.speech import AudioChunk, SpeechStats
from vivace.pipeline.stages import Recording, Script
from vivace.runtime.seed import derive_seed
from vivace.types import Piece


@dataclass(frozen=True)
class Heard:
    """The first piece, listened to: what the pieces after it take as their recording."""

    codes: NDArray[np.int32]  # [Q, T]


@dataclass(frozen=True)
class Event:
    """Something happened to a piece. Made in the worker's thread, fed to ``Speaking`` in the listener's."""

    piece: int
    message: Message | Heard


@dataclass
class _Part:
    piece: Piece
    audio: PieceAudio
    order: int | None = None  # its number in the worker
    refining: bool = False
    script: Script | None = None
    ready: list[Samples] = field(default_factory=list)
    raw: list[Samples] = field(default_factory=list)  # kept where the piece becomes a recording
    frames: int = 0
    stopped: bool = True
    over: bool = False


class Speaking:
    """Feeds the engine with pieces and puts together what comes back. Not thread-safe: one listener drives it.

    Args:
        deliver: takes the events of this request, from another thread; give them to ``feed`` in order.
        ahead: pieces that may be under way beyond the one that is heard, so that memory stays flat.
        deadline: on the worker's clock.
    """

    def __init__(
        self,
        stages: Stages,
        worker: Worker,
        pieces: Sequence[Piece],
        request: Request,
        deliver: Callable[[Event], None],
        *,
        ramp: Ramp,
        ahead: int,
        deadline: float | None = None,
    ) -> None:
        self._stages, self._worker, self._request, self._deliver = stages, worker, request, deliver
        self._ramp, self._ahead, self._deadline = ramp, ahead, deadline
        last, rate = len(pieces) - 1, stages.sample_rate
        self._parts = [
            _Part(piece, PieceAudio(piece, rate, speed=request.speed, last=index == last))
            for index, piece in enumerate(pieces)
        ]
        voice = request.voice
        self._recording = None
        if voice.prompt_codes is not None and voice.transcript is not None:
            self._recording = Recording(voice.prompt_codes, voice.transcript)
        self._carry_over = stages.habits.carry_over and self._recording is None and last > 0
        self._sent = self._heard = self._samples = 0  # pieces ordered, pieces heard to their end, samples given
        self._started, self._first_s = time.perf_counter(), 0.0

    @property
    def done(self) -> bool:
        """Everything has been given."""
        return self._heard == len(self._parts)

    @property
    def pieces_done(self) -> int:
        """Pieces heard to their end."""
        return self._heard

    @property
    def first_audio_s(self) -> float:
        """Seconds from the start to the first samples; 0 before them."""
        return self._first_s

    @property
    def stats(self) -> SpeechStats:
        """How it went, once it is done."""
        return SpeechStats(
            duration_s=self._samples / self._stages.sample_rate,
            elapsed_s=time.perf_counter() - self._started,
            seed=self._request.seed,
            voice=self._request.voice.name,
            pieces=len(self._parts),
            code_frames=sum(part.frames for part in self._parts),
            stopped=all(part.stopped for part in self._parts),
        )

    def start(self) -> None:
        """Order the first pieces."""
        self._started = time.perf_counter()
        self._order_more()

    def feed(self, event: Event) -> list[AudioChunk]:
        """What can be heard because of an event, in order; may be nothing.

        Raises: TTSError when the request failed; the rest of it is called off.
        """
        try:
            self._take(event.piece, self._parts[event.piece], event.message)
        except TTSError:
            self.cancel()
            raise
        chunks = self._given()
        self._order_more()
        return chunks

    def cancel(self) -> None:
        """Nobody listens any more."""
        for part in self._parts:
            if part.order is not None and not part.over:
                self._worker.cancel(part.order)

    def _take(self, index: int, part: _Part, message: Message | Heard) -> None:
        match message:
            case AudioPart(samples):
                if index == 0 and self._carry_over:
                    part.raw.append(samples)
                part.ready.append(part.audio.push(samples))
            case Finished(codes, _) if part.refining:
                assert part.script is not None, "what is refined has a script"
                part.refining = False
                part.script = replace(part.script, text=self._stages.rewritten(codes))
                self._order_speech(index, part, part.script)
            case Finished(codes, ending):
                part.ready.append(part.audio.finish())
                part.frames, part.stopped, part.over = len(codes), ending == "end", True
                if index == 0 and self._carry_over:
                    self._listen(part)
            case Heard(heard):
                script = self._parts[0].script
                assert script is not None, "what was heard was spoken"
                self._recording = Recording(heard, script.text)
            case TTSError():
                raise message

    def _listen(self, part: _Part) -> None:
        """The first piece is the recording of those that follow: the same voice and manner go on."""
        wave = np.concatenate(part.raw)
        part.raw = []

        def heard(future: Future[NDArray[np.int32]]) -> None:
            error = future.exception()
            if error is not None and not isinstance(error, TTSError):
                raise error
            self._deliver(Event(0, error if isinstance(error, TTSError) else Heard(future.result())))

        self._worker.call(lambda: self._stages.listen(wave)).add_done_callback(heard)

    def _given(self) -> list[AudioChunk]:
        """Everything that is ready of the piece that is heard, and of those after it once it is over."""
        chunks: list[AudioChunk] = []
        while self._heard < len(self._parts):
            part = self._parts[self._heard]
            samples = np.concatenate([np.zeros(0, np.float32), *part.ready])
            part.ready = []
            last = part.over and self._heard + 1 == len(self._parts)
            if len(samples):
                self._first_s = self._first_s or time.perf_counter() - self._started
                self._samples += len(samples)
                chunks.append(AudioChunk(samples, self._stages.sample_rate, part.piece.text, last=last))
            if not part.over:
                break
            self._heard += 1
        return chunks

    def _order_more(self) -> None:
        waits = self._carry_over and self._recording is None  # for the first piece to have been listened to
        until = min(len(self._parts), self._heard + 1 + self._ahead, 1 if waits else len(self._parts))
        while self._sent < until:
            index, part = self._sent, self._parts[self._sent]
            part.script = self._stages.script(part.piece)
            if self._request.refine is None:
                self._order_speech(index, part, part.script)
            else:
                self._order_refining(index, part, part.script, self._request.refine)
            self._sent += 1

    def _order_refining(self, index: int, part: _Part, script: Script, manner: str) -> None:
        part.refining = True
        prompt = self._stages.refine_prompt(script.text, manner)
        seed = derive_seed(derive_seed(self._request.seed, index), 0)
        self._order(index, part, lambda: self._job(index, self._stages.refine_job(prompt, seed)), ramp=None)

    def _order_speech(self, index: int, part: _Part, script: Script) -> None:
        request, recording, seed = self._request, self._recording, derive_seed(self._request.seed, index)

        def build() -> Job:
            job = self._stages.code_job(
                script, request.voice, recording, request.sampling, seed, sample_steps=request.sample_steps
            )
            return self._job(index, job)

        self._order(index, part, build, ramp=self._ramp)

    def _order(self, index: int, part: _Part, build: Callable[[], Job], ramp: Ramp | None) -> None:
        def deliver(message: Message) -> None:
            self._deliver(Event(index, message))

        part.order = self._worker.submit(Order(build, deliver, ramp))

    def _job(self, index: int, job: Job) -> Job:
        """What is heard first goes first."""
        return replace(job, priority=1 if index == self._heard else 0, deadline=self._deadline)
