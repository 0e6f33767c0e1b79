"""The log has every step once, whatever happened on the way."""

import json
from pathlib import Path

from vivace.train.vocoder.run import StepLog


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
