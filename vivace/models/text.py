"""A segment of text as a model reads it, and the reference recording that its speech continues."""

# Q codebooks, T code frames

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from vivace.text.stretch import units
from vivace.types import LanguageChoice, Piece


@dataclass(frozen=True)
class Reference:
    """A recording as a prompt: its codes and its transcript."""

    codes: NDArray[np.int32]  # [Q, T]
    transcript: str
    language: LanguageChoice = "auto"  # of the transcript


@dataclass(frozen=True)
class ModelText:
    """One segment in the form that the tokenizer of a family takes."""

    text: str
    style_prompt: str  # how to speak, e.g. "[speed_5]" of ChatTTS; empty where a family has none
    units: int  # phone units, from which the length of the speech is estimated


def segment_units(segment: Piece) -> int:
    """Length of a segment in phone units, without control tags."""
    return sum(units(word) for word in segment.words if word.kind != "tag")
