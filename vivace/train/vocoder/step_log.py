"""The log of a run: one JSON object a line, with the step it is about."""

import json
from collections.abc import Mapping
from pathlib import Path

from vivace.weights.atomic import replacing

Row = Mapping[str, float | int]


class StepLog:
    """Appends to a file; lines of steps that a resumed run makes again are taken out first."""

    def __init__(self, path: Path, step: int) -> None:
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_file():
            kept = [line for line in path.read_text(encoding="utf-8").splitlines() if _is_before(line, step)]
            with replacing(path) as part:
                part.write_text("".join(line + "\n" for line in kept), encoding="utf-8")

    def write(self, row: Row) -> None:
        with self._path.open("a", encoding="utf-8") as file:
            file.write(
                json.dumps({k: round(v, 6) if isinstance(v, float) and k != "lr" else v for k, v in row.items()})
            )
            file.write("\n")


def _is_before(line: str, step: int) -> bool:
    try:
        row = json.loads(line)
    except ValueError:  # half a line: the run was killed while it wrote
        return False
    return isinstance(row, dict) and row.get("step", 0) <= step
