"""What becomes of a mel between Decoder and vocoder: nothing below its training, and pauses that are silent."""

# T mel frames, C mel bins

from torch import Tensor

EXPANSION = 3.0  # how much lower a pause gets, for each unit that it is below the gate: a downward expander of 1:4


def gate_pauses(mel: Tensor, floor: float | None, gate: float | None) -> Tensor:
    """Cut off what a Decoder says where it was not trained, and turn its murmur in pauses into silence.

    Frame by frame, so that chunks and streams are not affected.

    Args:
        mel: ``[..., T, C]``, natural log.
        floor: nothing is lower than this; None: nothing is cut off.
        gate: a frame all of whose bands are below it is a pause, and made quieter the quieter it is; None: none is.
    """
    if gate is not None:
        mel = mel - EXPANSION * (gate - mel.amax(-1, keepdim=True)).clamp_min(0)
    return mel if floor is None else mel.clamp_min(floor)
