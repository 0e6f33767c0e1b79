"""Parts that the reports of all benchmarks share."""

import json
import math
from dataclasses import asdict
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed import DataclassInstance


def as_json(report: "DataclassInstance", **replaced: object) -> str:
    """A report as one line of JSON; a number that is not a number (nothing was measured) is null.

    Args:
        replaced: fields that stand in for those of the report, or beside them.
    """
    return json.dumps(_known({**asdict(report), **replaced}))


def _known(value: object) -> object:
    if isinstance(value, dict):
        return {key: _known(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_known(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value
