"""Where codes are cut, and the hidden frames of a stream."""

import pytest
import torch
from torch import Tensor

from vivace.models.gpt_sovits.s2.hidden_stream import FADE, WHOLE, CodeSchedule, HiddenStream

SCHEDULE = CodeSchedule(first=10, next=6, growth=1.5, most=20, lookahead=4, past=15)


def cuts(schedule: CodeSchedule, arrivals: list[int]) -> list[int]:
    """Ends of the chunks of a piece whose codes come in such numbers."""
    ends: list[int] = []
    known = 0
    for index, count in enumerate(arrivals):
        known += count
        last = index == len(arrivals) - 1
        while (end := schedule.end(len(ends), ends[-1] if ends else 0, known, last=last)) is not None:
            ends.append(end)
    return ends


def test_cuts_depend_on_the_number_of_codes_alone() -> None:
    for total in range(1, 90):
        at_once = cuts(SCHEDULE, [total])
        assert at_once[-1] == total
        assert cuts(SCHEDULE, [1] * total) == at_once
        assert cuts(SCHEDULE, [*[1] * total, 0]) == at_once  # the end is told by itself
        assert cuts(SCHEDULE, [7] * (total // 7) + [total % 7]) == at_once


def test_chunks_grow_to_the_longest_and_the_end_is_no_crumb() -> None:
    ends = cuts(SCHEDULE, [200])
    sizes = [b - a for a, b in zip([0, *ends], ends, strict=False)]
    assert sizes[:4] == [10, 6, 9, 14]
    assert max(sizes[:-1]) == 20
    assert SCHEDULE.lookahead < sizes[-1] <= 20 + SCHEDULE.lookahead
    assert cuts(SCHEDULE, [0]) == []
    assert SCHEDULE.before_first == 15
    assert cuts(SCHEDULE, [14]) == [14]
    assert cuts(SCHEDULE, [15]) == [10, 15]


class Recorder:
    """An encoder that repeats each code twice, and notes how long its windows are."""

    def __init__(self) -> None:
        self.windows: list[int] = []

    def __call__(self, codes: Tensor) -> Tensor:
        self.windows.append(codes.shape[1])
        return codes.float().repeat_interleave(2, dim=1)[:, None]


@pytest.mark.parametrize("pushes", [[100], [1] * 100, [30, 0, 45, 25]])
def test_a_stream_gives_every_frame_once_and_looks_back_a_bounded_way(pushes: list[int]) -> None:
    codes, encode = torch.arange(100), Recorder()
    stream = HiddenStream(encode, SCHEDULE)
    made: list[Tensor] = []
    for index, part in enumerate(torch.split(codes, pushes)):
        stream.push(part, last=index == len(pushes) - 1)
        made.extend(iter(stream.chunk, None))
    assert stream.finished
    torch.testing.assert_close(torch.cat(made, dim=1)[0], codes.float().repeat_interleave(2))
    assert max(encode.windows) <= SCHEDULE.past + SCHEDULE.most + 2 * SCHEDULE.lookahead


def test_a_window_takes_over_from_the_one_before_step_by_step() -> None:
    number = iter(range(100))
    stream = HiddenStream(lambda codes: torch.full((1, 1, 2 * codes.shape[1]), float(next(number))), SCHEDULE)
    stream.push(torch.zeros(15, dtype=torch.long), last=True)
    first, second = iter(stream.chunk, None)
    assert set(first.flatten().tolist()) == {0.0}
    torch.testing.assert_close(second[0, :FADE], torch.tensor([0.2, 0.4, 0.6, 0.8]))
    assert set(second[0, FADE:].flatten().tolist()) == {1.0}


def test_a_whole_piece_is_one_window() -> None:
    encode = Recorder()
    stream = HiddenStream(encode, WHOLE)
    for _ in range(1500):
        stream.push(torch.zeros(1, dtype=torch.long), last=False)
        assert stream.chunk() is None
    stream.push(torch.zeros(0, dtype=torch.long), last=True)
    chunk = stream.chunk()
    assert chunk is not None
    assert chunk.shape == (1, 3000)
    assert encode.windows == [1500]
