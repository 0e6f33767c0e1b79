"""Errors of products in int8 on CPUs with and without VNNI, which round rows to different levels."""

import math

import pytest
import torch

from vivace.layers.linear import FULL_LEVELS, SAFE_LEVELS, row_levels

NEEDS_VNNI = pytest.mark.skipif(
    row_levels() == SAFE_LEVELS, reason="this CPU has no VNNI: 8 bits on both sides overflow"
)
LEVELS = (SAFE_LEVELS, pytest.param(FULL_LEVELS, marks=NEEDS_VNNI))  # a CPU with VNNI computes both


def pretend_vnni(monkeypatch: pytest.MonkeyPatch, levels: int) -> None:
    """Make torch report a CPU whose rows are rounded to ``levels``."""
    monkeypatch.setattr(torch.cpu, "_is_vnni_supported", lambda: levels == FULL_LEVELS, raising=False)


def relative_error(levels: int, *, row_peak: float, weight_peak: float) -> float:
    """Of a product in int8, root mean square.

    A side with the largest value ``peak`` (in units of its root mean square) has steps of peak / levels. Rounding is
    off by step / sqrt(12); weights have 127 levels; independent errors add as squares.
    """
    return math.hypot(row_peak / levels, weight_peak / FULL_LEVELS) / math.sqrt(12)


def error_ratio(levels: int) -> float:
    """Error with rows of ``levels``, relative to that with 127; for rows and weights with equal peaks."""
    errors = (relative_error(count, row_peak=1, weight_peak=1) for count in (levels, FULL_LEVELS))
    return next(errors) / next(errors)
