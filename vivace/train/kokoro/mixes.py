"""The mixes that teach the embedded voice's speakers. How they were chosen: ``recipes/embedded_voice/README.md``."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Mix:
    """One timbre of two languages."""

    voice: str  # the embedded voice's name
    mix: str  # Kokoro's voices, of whose style vectors it is the mean
    slot: int  # which quarter of the everyday sentences it says first


MIXES = (
    Mix("vivienne", "af_heart+zf_xiaoxiao", 0),
    Mix("marcel", "am_fenrir+zm_yunxi", 1),
    Mix("clara", "af_bella+zf_xiaobei", 2),
    Mix("arthur", "bm_george+zm_yunyang", 3),
)
