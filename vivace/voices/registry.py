"""All voices of one model: its own, those added by the user, and random ones by seed."""

# D width of the speaker vector

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from vivace.errors import VoiceNotFoundError
from vivace.voices.store import VoiceStore
from vivace.voices.voice import SEED_PREFIX, Voice


class VoiceRegistry:
    """Finds voices by name.

    Args:
        own: the voices of the model itself; they win where a name occurs twice.
        added: the voices that the user added.
        draw: the speaker vector ``[D]`` of a seed; None where the model has no random speakers.
    """

    def __init__(self, own: VoiceStore, added: VoiceStore, draw: Callable[[int], NDArray[np.float16]] | None) -> None:
        self._own, self._added, self._draw = own, added, draw

    def list(self) -> tuple[Voice, ...]:
        """The model's voices, then the user's."""
        mine = self._own.list()
        taken = {voice.name for voice in mine}
        return mine + tuple(voice for voice in self._added.list() if voice.name not in taken)

    def get(self, name: str) -> Voice:
        """A voice by name, or ``seed:N`` for a random speaker where the model has statistics.

        Raises: VoiceNotFoundError.
        """
        if name.startswith(SEED_PREFIX) and self._draw is not None:
            return self._random(name)
        for store in (self._own, self._added):
            if name in store:
                return store.get(name)
        known = list(dict.fromkeys([*self._own.names(), *self._added.names()]))
        hint = f"known: {', '.join(known[:8])}" if known else "none is known yet"
        more = "; 'seed:N' draws one" if self._draw is not None else ""
        raise VoiceNotFoundError(f"no voice {name[:64]!r}; {hint}{more}; see `vivace voices list`")

    def _random(self, name: str) -> Voice:
        digits = name.removeprefix(SEED_PREFIX)
        if not digits.isdecimal() or int(digits) >= 1 << 63 or self._draw is None:
            raise VoiceNotFoundError(f"{name[:64]!r} is not a random voice; write 'seed:' and a whole number")
        return Voice(name, embedding=self._draw(int(digits)), description="random speaker")
