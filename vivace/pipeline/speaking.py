"""One request in progress: its pieces run side by side in the engine and are heard in order."""

# Q codebooks, T frames

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from vivace.engine.chunking import NO_STREAMING, ChunkSchedule
from vivace.engine.engine import EngineRequest
from vivace.engine.thread import AudioPart, EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import EngineError, TTSError
from vivace.models.family import ModelFamily, ModelText, Reference
from vivace.pipeline.options import Request
from vivace.pipeline.piece_audio import PieceAudio
from vivace.pipeline.refining import require_rewriter
from vivace.pipeline.speech import AudioChunk, SpeechStats
from vivace.pipeline.speech_check import PieceFault
from vivace.pipeline.take import Take, better
from vivace.runtime.seed import derive_seed
from vivace.settings.config import CheckConfig
from vivace.types import Piece

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Heard:
    """The first piece, listened to: what the pieces after it take as their recording."""

    codes: NDArray[np.int32]  # [Q, T]


@dataclass(frozen=True)
class Event:
    """Something happened to a piece. Made in the worker's thread, fed to ``Speaking`` in the listener's."""

    piece: int
    message: RequestOutput | Heard


@dataclass
class _Part:
    piece: Piece
    take: Take
    best: Take | None = None  # of those before it
    retries: int = 0
    order: int | None = None  # its number in the worker
    refining: bool = False
    script: ModelText | None = None
    over: bool = False


class Speaking:
    """Feeds the engine with pieces and puts together what comes back. Not thread-safe: one listener drives it.

    Args:
        deliver: takes the events of this request, from another thread; give them to ``feed`` in order.
        ahead: pieces that may be under way beyond the one that is heard, so that memory stays flat.
        check: whether pieces are judged, and how often a wrong one is spoken again.
        hold: give nothing of a piece before it is over. Only then can it be spoken again: what was given is heard.
        deadline: on the worker's clock.
    """

    def __init__(
        self,
        stages: ModelFamily,
        worker: EngineThread,
        pieces: Sequence[Piece],
        request: Request,
        deliver: Callable[[Event], None],
        *,
        ramp: ChunkSchedule,
        ahead: int,
        check: CheckConfig,
        hold: bool,
        deadline: float | None = None,
    ) -> None:
        self._stages, self._worker, self._request, self._deliver = stages, worker, request, deliver
        self._ramp, self._ahead, self._deadline = ramp, ahead, deadline
        self._check, self._hold = check, hold
        last = len(pieces) - 1
        self._parts = [_Part(piece, self._new_take(piece, last=index == last)) for index, piece in enumerate(pieces)]
        voice = request.voice
        self._recording = None
        if voice.prompt_codes is not None and voice.transcript is not None:
            self._recording = Reference(voice.prompt_codes, voice.transcript, voice.transcript_language)
        self._carry_over = stages.defaults.reuse_first_segment and self._recording is None and last > 0
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
            code_frames=sum(part.take.frames for part in self._parts),
            stopped=all(part.take.stopped for part in self._parts),
            faults=self._faults,
            retries=sum(part.retries for part in self._parts),
        )

    @property
    def settled(self) -> bool:
        """Whether the request comes to this however it is listened to: no piece would have been spoken again."""
        return self._hold or not self._check.retries or not self._faults

    @property
    def _faults(self) -> tuple[PieceFault, ...]:
        takes = enumerate((part.take for part in self._parts), 1)
        return tuple(PieceFault(number, take.fault) for number, take in takes if take.fault is not None)

    def _new_take(self, piece: Piece, *, last: bool) -> Take:
        return Take(PieceAudio(piece, self._stages.sample_rate, speed=self._request.speed, last=last))

    def start(self) -> None:
        """GenerationRequest the first pieces."""
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

    def _take(self, index: int, part: _Part, message: RequestOutput | Heard) -> None:
        match message:
            case AudioPart(samples):
                part.take.push(samples, keep=index == 0 and self._carry_over)
            case Finished(codes) if part.refining:
                assert part.script is not None, "what is refined has a script"
                part.refining = False
                part.script = replace(part.script, text=require_rewriter(self._stages).decode(codes))
                self._order_speech(index, part, part.script)
            case Finished(codes, finish_reason, alignment):
                assert part.script is not None, "what is finished was ordered"
                expected = self._stages.expected_length(part.script, self._recording) if self._check.enabled else None
                part.take.finish(codes.numpy(), ended=finish_reason == "stop", expected=expected, reading=alignment)
                if not self._spoken_again(index, part, part.script):
                    self._settle(index, part)
            case Heard(heard):
                script = self._parts[0].script
                assert script is not None, "what was heard was spoken"
                self._recording = Reference(heard, script.text)
            case TTSError():
                raise message

    def _spoken_again(self, index: int, part: _Part, script: ModelText) -> bool:
        """GenerationRequest another take of a wrong piece, with another seed, if it may have one."""
        if part.take.fault is None or not self._hold or part.retries >= self._check.retries:
            return False
        part.best = better(part.best, part.take)
        part.take = self._new_take(part.piece, last=index + 1 == len(self._parts))
        part.retries += 1
        self._order_speech(index, part, script)
        return True

    def _settle(self, index: int, part: _Part) -> None:
        """The piece is what its best take is. Raises: EngineError when that is silence, or wrong and refused."""
        part.take, part.best = better(part.best, part.take), None
        if part.take.error is not None:
            raise part.take.error
        if part.take.fault is not None:
            said = f"piece {index + 1}, {part.piece.text[:40]!r}, came out {part.take.fault}"
            if self._check.refuse and self._hold:
                raise EngineError(f"{said} {part.retries + 1} times; try another seed or voice")
            log.warning("%s (takes: %d)", said, part.retries + 1)
        part.over = True
        if index == 0 and self._carry_over:
            self._listen(part.take)

    def _listen(self, take: Take) -> None:
        """The first piece is the recording of those that follow: the same voice and manner go on."""
        wave = np.concatenate(take.raw)
        take.raw = []

        def heard(future: Future[NDArray[np.int32]]) -> None:
            error = future.exception()
            if error is not None and not isinstance(error, TTSError):
                raise error
            self._deliver(Event(0, error if isinstance(error, TTSError) else Heard(future.result())))

        self._worker.call(lambda: self._stages.encode_audio(wave)).add_done_callback(heard)

    def _given(self) -> list[AudioChunk]:
        """Everything that is ready of the piece that is heard, and of those after it once it is over."""
        chunks: list[AudioChunk] = []
        while self._heard < len(self._parts):
            part = self._parts[self._heard]
            if self._hold and not part.over:
                break
            samples = np.concatenate([np.zeros(0, np.float32), *part.take.ready])
            part.take.ready = []
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
        # Somebody waits for the first samples of a stream: until they are there nothing else takes time of a step.
        waits |= self._ramp is not NO_STREAMING and not self._hold and not self._heard and not self._samples
        until = min(len(self._parts), self._heard + 1 + self._ahead, 1 if waits else len(self._parts))
        while self._sent < until:
            index, part = self._sent, self._parts[self._sent]
            part.script = self._stages.model_text(part.piece)
            if self._request.family_options.rewrite_style is None:
                self._order_speech(index, part, part.script)
            else:
                self._order_refining(index, part, part.script, self._request.family_options.rewrite_style)
            self._sent += 1

    def _order_refining(self, index: int, part: _Part, script: ModelText, manner: str) -> None:
        part.refining = True
        rewriter = require_rewriter(self._stages)
        prompt = rewriter.prompt(script.text, manner)
        seed = derive_seed(derive_seed(self._request.seed, index), 0)
        self._order(index, part, lambda: self._job(index, rewriter.request(prompt, seed)), ramp=None)

    def _order_speech(self, index: int, part: _Part, script: ModelText) -> None:
        request, recording, seed = self._request, self._recording, derive_seed(self._request.seed, index)
        if part.retries:
            seed = derive_seed(seed, part.retries)  # 0 is the refine pass

        def build() -> EngineRequest:
            job = self._stages.generation(
                script, request.voice, recording, request.sampling, seed, request.family_options
            )
            return self._job(index, job)

        self._order(index, part, build, ramp=self._ramp)

    def _order(self, index: int, part: _Part, build: Callable[[], EngineRequest], ramp: ChunkSchedule | None) -> None:
        def deliver(message: RequestOutput) -> None:
            self._deliver(Event(index, message))

        part.order = self._worker.submit(GenerationRequest(build, deliver, ramp))

    def _job(self, index: int, job: EngineRequest) -> EngineRequest:
        """What is heard first goes first."""
        follow = job.align if self._check.enabled else None
        return replace(job, priority=1 if index == self._heard else 0, deadline=self._deadline, align=follow)
