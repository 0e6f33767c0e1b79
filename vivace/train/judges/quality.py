"""How clean a speech sounds: DNSMOS P.835. Source: Reddy et al. 2022 (arXiv:2110.01763), the model of speechmos."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import soxr

from vivace.errors import SettingsError
from vivace.train.corpus.recording import SAMPLE_RATE, Samples
from vivace.train.judges.packages import JudgeParts

RATE, WINDOW = 16_000, 144_160  # Hz; samples that the model hears at once
# The model's raw scores to opinion scores, highest power first; published with it.
FIT = {
    "signal": (-0.08397278, 1.22083953, 0.0052439),
    "background": (-0.13166888, 1.60915514, -0.39604546),
    "overall": (-0.06766283, 1.11546468, 0.04602535),
}


@dataclass(frozen=True)
class Quality:
    """Mean opinion scores from 1 to 5."""

    signal: float
    background: float
    overall: float


class Dnsmos:
    """The judge; a speech shorter than nine seconds is heard again and again."""

    def __init__(self, parts: JudgeParts, threads: int = 1) -> None:
        try:
            import onnxruntime
        except ImportError as exc:
            raise SettingsError("onnxruntime is not installed: `pip install 'vivace[judges]'`") from exc
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        self._session: Any = onnxruntime.InferenceSession(
            str(parts.dnsmos), options, providers=["CPUExecutionProvider"]
        )

    def __call__(self, samples: Samples) -> Quality:
        """``[N]`` at 24 kHz."""
        raw = [self._session.run(None, {"input_1": part[None]})[0][0] for part in windows(samples)]
        means = [float(np.mean([np.polyval(fit, scores[i]) for scores in raw])) for i, fit in enumerate(FIT.values())]
        return Quality(*means)


def windows(samples: Samples) -> list[Samples]:
    """Windows of nine seconds at 16 kHz, one every second."""
    speech = soxr.resample(samples, SAMPLE_RATE, RATE).astype(np.float32).clip(-1, 1)
    if len(speech) < WINDOW:
        speech = np.tile(speech, -(-WINDOW // max(len(speech), 1)))
    return [speech[start : start + WINDOW] for start in range(0, len(speech) - WINDOW + 1, RATE)]
