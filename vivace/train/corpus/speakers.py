"""The speakers of the embedded voice, and who teaches them."""

from vivace.train.corpus.espeak import Espeak
from vivace.train.corpus.flite import Flite
from vivace.train.corpus.recording import Teacher
from vivace.train.voice.export import Speaker

EMBEDDED_SPEAKERS = (
    Speaker("esf", "vivienne", ("zh", "en"), "female", "female, Mandarin and English; taught by espeak-ng (+f2)"),
    Speaker("esm", "marcel", ("zh", "en"), "male", "male, Mandarin and English; taught by espeak-ng (+Diogo)"),
    Speaker("slt", "clara", ("en",), "female", "female, US English; taught by flite (CMU slt)"),
    Speaker("rms", "arthur", ("en",), "male", "male, US English; taught by flite (CMU rms)"),
)


def teachers() -> dict[str, Teacher]:
    """The four that the embedded voice learns from."""
    return {"slt": Flite("slt"), "rms": Flite("rms"), "esm": Espeak("+Diogo"), "esf": Espeak("+f2")}
