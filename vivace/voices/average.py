"""The average of several voices."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vivace.errors import InputError
from vivace.voices.voice import Voice


def average_voices(main: Voice, others: Sequence[Voice]) -> Voice:
    """``main`` with the mean speaker vector of all voices, equally weighted.

    A voice with tensors of its family beside the speaker vector (GPT-SoVITS v3 and v4) cannot be averaged: ``main`` is
    returned unchanged, as the original server does.

    Raises: InputError when a voice has no speaker vector, or the voices belong to different models.
    """
    if main.family_tensors or not others:
        return main
    vectors: list[NDArray[np.floating]] = []
    for voice in (main, *others):
        vector = voice.embedding
        alike = voice.compatible_with == main.compatible_with
        if vector is None or not alike or (vectors and vector.shape != vectors[0].shape):
            raise InputError(f"voices {main.name!r} and {voice.name!r} are not of one model and cannot be averaged")
        vectors.append(vector)
    mean = np.mean([vector.astype(np.float32) for vector in vectors], axis=0)
    return replace(main, embedding=mean.astype(vectors[0].dtype))
