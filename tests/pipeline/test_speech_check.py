"""What is taken for wrong speech, and what is not."""

import numpy as np
import pytest

from vivace.models.gpt_sovits.phones import phone_runs
from vivace.pipeline.gpt_sovits_tempo import expectation
from vivace.pipeline.speech_check import Expectation, fault_of, repeats
from vivace.pipeline.stages import Recording
from vivace.text import phones

EXPECTED = Expectation(least=20, most=150, rate=25.0)


def codes(*parts: object) -> np.ndarray[tuple[int, int], np.dtype[np.int64]]:
    return np.concatenate([np.asarray(part, np.int64) for part in parts])[:, None]


RISING = np.arange(100)


@pytest.mark.parametrize(
    ("said", "ended", "silent", "fault"),
    [
        (codes(RISING), True, False, None),
        (codes(RISING[:19]), True, False, "skipped"),
        (codes(RISING[:20]), True, False, None),
        (codes(RISING), False, False, "endless"),
        (codes(range(151)), True, False, "endless"),
        (codes(RISING), True, True, "silent"),
        (codes([]), True, False, "silent"),
        (codes(RISING[:20], np.tile(range(7), 6), RISING[:20]), True, False, "repeated"),
        (codes(RISING[:20], np.tile(range(40), 3)), True, False, "repeated"),
        (
            codes(RISING[:20], np.tile(range(40), 2), RISING[20:40]),
            True,
            False,
            None,
        ),  # said twice: it may be written so
        (codes(RISING[:20], [486] * 62, RISING[20:40]), True, False, None),  # a long pause
        (codes(RISING[:20], [486] * 80, RISING[20:40]), True, False, "repeated"),
    ],
)
def test_faults(said: np.ndarray[tuple[int, int], np.dtype[np.int64]], ended: bool, silent: bool, fault: str) -> None:
    assert fault_of(said, EXPECTED, ended=ended, silent=silent) == fault


def test_all_codebooks_must_come_again() -> None:
    cycle = codes(np.tile(range(8), 10))
    assert repeats(np.repeat(cycle, 4, axis=1), 47.0)
    other = np.concatenate([np.repeat(cycle, 3, axis=1), np.arange(80)[:, None]], axis=1)
    assert not repeats(other, 47.0)


def test_a_slow_voice_is_expected_to_be_slow() -> None:
    runs = phone_runs(phones("今天的天气真不错，我们出去走一走吧。"))  # 32 phones
    transcript = "你好世界，你好世界。"  # 16 phones

    def heard(codes: int) -> Expectation:
        return expectation(runs, Recording(np.zeros((1, codes), np.int32), transcript))

    slow, usual, fast = heard(64), expectation(runs, None), heard(32)
    assert slow.least > usual.least > fast.least
    assert slow.most > usual.most > fast.most
    assert usual.least == 44  # half of 2.8 codes a phone
    # Other words than the recording's, or silence in it, do not make anything possible.
    assert heard(400) == heard(72)
    assert heard(1) == heard(25)
