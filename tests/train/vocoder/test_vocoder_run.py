"""The log of steps and the precision of a run."""

import json
from pathlib import Path

import torch

from vivace.train.vocoder.run import StepLog, faster_precision


def test_lines_of_steps_that_come_again_are_taken_out(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    log = StepLog(path, 0)
    for step in range(1, 6):
        log.write({"step": step, "mel": 1 / 3})
    with path.open("a", encoding="utf-8") as file:
        file.write('{"step": 6, "me')  # killed here
    again = StepLog(path, 3)
    again.write({"step": 4, "mel": 0.5})
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    assert [row["step"] for row in rows] == [1, 2, 3, 4]
    assert rows[0]["mel"] == 0.333333


class Stopwatch:
    """A clock that work moves on."""

    def __init__(self, seconds: dict[torch.dtype, float]) -> None:
        self.now, self._seconds = 0.0, seconds

    def work(self, dtype: torch.dtype) -> None:
        self.now += self._seconds[dtype]


def test_the_faster_one_wins() -> None:
    for wanted, other in ((torch.bfloat16, torch.float32), (torch.float32, torch.bfloat16)):
        watch = Stopwatch({wanted: 1.0, other: 2.0})
        assert faster_precision(watch.work, clock=lambda watch=watch: watch.now) == wanted  # type: ignore[misc]
