"""A voice between voices, as GPT-SoVITS makes one of several recordings."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from vivace.errors import InputError
from vivace.pipeline.voices import Voice


def blended(main: Voice, others: Sequence[Voice]) -> Voice:
    """The manner of ``main`` with the mean timbre of all, equally weighted.

    Voices that keep more of their recording than its timbre (GPT-SoVITS v3 and v4) cannot be averaged: ``main`` alone
    speaks, as it does there.

    Raises: InputError when a voice has no vector, or voices were made by models that do not understand one another.
    """
    if main.own or not others:
        return main
    vectors: list[NDArray[np.floating]] = []
    for voice in (main, *others):
        vector = voice.embedding
        if vector is None or voice.made_for != main.made_for or (vectors and vector.shape != vectors[0].shape):
            raise InputError(f"voices {main.name!r} and {voice.name!r} are not of one model and cannot be averaged")
        vectors.append(vector)
    mean = np.mean([vector.astype(np.float32) for vector in vectors], axis=0)
    return replace(main, embedding=mean.astype(vectors[0].dtype))
