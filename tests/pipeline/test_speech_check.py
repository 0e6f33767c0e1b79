"""What is taken for wrong speech, and what is not."""

from collections.abc import Sequence

import numpy as np
import pytest

from vivace.engine.protocols import AttentionAlignment
from vivace.models.family import ExpectedLength, Reference
from vivace.models.gpt_sovits.expected_length import expected_length
from vivace.models.gpt_sovits.phones import phone_runs
from vivace.pipeline.speech_check import fault_of, goes_back, repeats, skips
from vivace.text import phones

EXPECTED = ExpectedLength(least=20, most=150, rate=25.0)


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


def reading(seen: Sequence[float], at: Sequence[int], silent: Sequence[int] = ()) -> AttentionAlignment:
    sounds = np.array([token not in silent for token in range(len(seen))])
    return AttentionAlignment(np.array(seen, np.float32), np.array(at), sounds)


@pytest.mark.parametrize(
    ("seen", "silent", "skipped"),
    [
        ((5.0, 4.0, 6.0), (), False),
        ((5.0, 0.1, 6.0), (), False),  # one melts into its neighbors
        ((5.0, 0.1, 0.9), (), False),  # one short, one long
        ((5.0, 0.4, 0.5), (), True),
        ((0.0, 0.0, 6.0), (), True),
        ((5.0, 0.1, 0.0, 6.0), (2,), False),  # a mark is not spoken
        ((5.0, 0.1, 0.0, 0.1, 6.0), (2,), True),  # and does not part what is left out
        ((0.1,), (), False),
    ],
)
def test_phones_that_nothing_looked_at_are_skipped(
    seen: tuple[float, ...], silent: tuple[int, ...], skipped: bool
) -> None:
    read = reading(seen, range(len(seen)), silent)
    assert skips(read) == skipped
    found = fault_of(codes(RISING), EXPECTED, ended=True, silent=False, alignment=read)
    assert found == ("skipped" if skipped else None)


@pytest.mark.parametrize(
    ("at", "back"),
    [
        (range(100), False),
        ((*range(50), 48, 48, *range(49, 90)), False),  # it wavers
        ((*range(50), *[46] * 2, *range(50, 90)), False),  # a glance
        ((*range(50), *[46] * 3, *range(50, 90)), True),
        ((*range(50), 48, 48, 48, *range(49, 90)), True),  # a syllable said twice
        ((*range(50), *range(47, 90)), False),  # two frames until it is as far again
        ((*range(50), *[48] * 3), True),  # and never as far again
        ((*range(50), *range(40, 90)), True),
    ],
)
def test_going_back_is_saying_it_again(at: Sequence[int], back: bool) -> None:
    read = reading([3.0] * 100, at)
    assert goes_back(read, 25.0) == back
    found = fault_of(codes(RISING), EXPECTED, ended=True, silent=False, alignment=read)
    assert found == ("repeated" if back else None)


def test_all_codebooks_must_come_again() -> None:
    cycle = codes(np.tile(range(8), 10))
    assert repeats(np.repeat(cycle, 4, axis=1), 47.0)
    other = np.concatenate([np.repeat(cycle, 3, axis=1), np.arange(80)[:, None]], axis=1)
    assert not repeats(other, 47.0)


def test_a_slow_voice_is_expected_to_be_slow() -> None:
    runs = phone_runs(phones("今天的天气真不错，我们出去走一走吧。"))  # 32 phones
    transcript = "你好世界，你好世界。"  # 16 phones

    def heard(codes: int) -> ExpectedLength:
        return expected_length(runs, Reference(np.zeros((1, codes), np.int32), transcript))

    slow, usual, fast = heard(64), expected_length(runs, None), heard(32)
    assert slow.least > usual.least > fast.least
    assert slow.most > usual.most > fast.most
    assert usual.least == 44  # half of 2.8 codes a phone
    # Other words than the recording's, or silence in it, do not make anything possible.
    assert heard(400) == heard(72)
    assert heard(1) == heard(25)
