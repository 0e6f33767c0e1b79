"""PESQ, how telephone engineers predict what listeners say: ITU-T P.862.2 (wide band), by the library ``pesq``."""

# N samples

import importlib.util

from vivace.audio.resample import resample
from vivace.errors import SettingsError
from vivace.train.recording import Samples

RATE = 16_000  # Hz, the only one of wide-band PESQ


def pesq_is_here() -> bool:
    return importlib.util.find_spec("pesq") is not None


def pesq_score(reference: Samples, made: Samples, sample_rate: int) -> float | None:
    """1.04 (bad) to 4.64 (no difference); None where the standard finds no speech in ``[N]``.

    Raises: SettingsError when the library is not installed.
    """
    try:
        import pesq
    except ImportError as exc:
        raise SettingsError("PESQ needs the library pesq: pip install 'vivace[eval]' (it compiles C)") from exc
    wanted, given = (resample(x, sample_rate, RATE) for x in (reference, made))
    score = pesq.pesq(RATE, wanted, given, "wb", on_error=pesq.PesqError.RETURN_VALUES)
    return float(score) if score > 0 else None
