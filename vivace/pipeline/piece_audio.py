"""What happens to a piece's samples between the model and the listener: edges, tempo, pauses."""

# n samples

import numpy as np

from vivace.audio.edit import StreamingTrim, silence
from vivace.audio.resample import Samples
from vivace.audio.tempo import StreamingTempo
from vivace.errors import EngineError
from vivace.pipeline.pauses import pause_after
from vivace.types import Piece


class PieceAudio:
    """Takes a piece's samples as the model makes them, gives them as they are heard."""

    def __init__(self, piece: Piece, sample_rate: int, *, speed: float, last: bool) -> None:
        self._piece, self._rate = piece, sample_rate
        self._trim, self._tempo = StreamingTrim(sample_rate), StreamingTempo(sample_rate, speed)
        self._pause_s = pause_after(piece, speed=speed, last=last)
        self._begun = False

    def push(self, samples: Samples) -> Samples:
        """What can be heard now; may be nothing yet."""
        return self._led(self._tempo.push(self._trim.push(samples)))

    def finish(self) -> Samples:
        """The rest, and the pause behind it.

        Raises: EngineError when there was no sound at all; silence is never returned in its place.
        """
        rest = self._trim.finish()
        rest = self._led(np.concatenate([self._tempo.push(rest), self._tempo.finish()]))
        if not self._begun:
            raise EngineError(f"the model made no sound for {self._piece.text[:40]!r}; try another seed or voice")
        return np.concatenate([rest, silence(self._pause_s, self._rate)])

    def _led(self, samples: Samples) -> Samples:
        """The silence that the text begins with goes before the first of it."""
        if self._begun or not len(samples):
            return samples
        self._begun = True
        return np.concatenate([silence(self._piece.lead_s, self._rate), samples])
