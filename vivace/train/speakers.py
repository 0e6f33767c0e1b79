"""The speakers of the embedded voice."""

from vivace.train.export import Speaker

EMBEDDED_SPEAKERS = (
    Speaker("esf", "vivienne", ("zh", "en"), "female", "female, Mandarin and English; taught by espeak-ng (+f2)"),
    Speaker("esm", "marcel", ("zh", "en"), "male", "male, Mandarin and English; taught by espeak-ng (+Diogo)"),
    Speaker("slt", "clara", ("en",), "female", "female, US English; taught by flite (CMU slt)"),
    Speaker("rms", "arthur", ("en",), "male", "male, US English; taught by flite (CMU rms)"),
)
