"""What the large reading tables hold once they are loaded: a server holds all of them."""

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from vivace.text.en.lexicon import lexicon
from vivace.text.en.oov import model
from vivace.text.zh.readings import readings
from vivace.text.zh.words import dictionary


@pytest.mark.parametrize(
    ("table", "megabytes"), [(lexicon, 5), (readings, 14), (dictionary, 15), (model, 16)], ids=lambda x: str(x)[:40]
)
def test_a_table_holds_few_bytes(table: Callable[[], object], megabytes: float) -> None:
    table()  # modules that it needs are loaded
    gc.collect()
    tracemalloc.start()
    try:
        held = table.__wrapped__()  # type: ignore[attr-defined]  # anew, beside the cached one
        gc.collect()
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held is not None
    assert megabytes * 0.3 < size / 1e6 < megabytes
