"""What ``precision: auto`` is: by setting, files, measured rows, a timing that is kept, or a rule."""

from types import MappingProxyType
from typing import get_args

import pytest
import torch

from vivace import TTS, TTSConfig
from vivace.errors import SettingsError
from vivace.models import cpu_speed, precision
from vivace.models.cpu_speed import (
    CANDIDATES,
    TABLE,
    Load,
    ModelSize,
    Speed,
    fastest,
    measured,
    row_of,
    size_of,
)
from vivace.models.precision import choose_precision
from vivace.types import Precision, PrecisionChoice

CPU, GPU = torch.device("cpu"), torch.device("cuda")
SMALL, MEDIUM, LARGE = 5_000_000, 30_000_000, 190_000_000
# One stream is fastest in int8, many in float32: an AVX2 machine with int8 kernels for single rows only.
TORN = measured("torn", "small", "imagined", float32=(100, 1100), int8=(200, 270))


@pytest.fixture
def torn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cpu_speed, "TABLE", (TORN,))
    monkeypatch.setattr(precision, "cpu_kind", lambda: "torn")


@pytest.mark.usefixtures("torn")
@pytest.mark.parametrize(("load", "chosen"), [("latency", "int8"), ("throughput", "float32"), ("balanced", "float32")])
def test_the_row_of_the_kind_decides_by_load(load: Load, chosen: Precision) -> None:
    decision = choose_precision("auto", "float32", SMALL, CPU, load=load)
    assert decision.precision == chosen
    assert decision.kind == "torn"
    assert (
        decision.reason == f"table row of 'torn', small model, {load}: int8 2.0 x float32 with one stream, 0.2 x with 8"
    )


@pytest.mark.usefixtures("torn")
def test_without_a_row_a_timing_decides_and_without_that_a_rule() -> None:
    speeds = MappingProxyType({"float32": Speed(1, 8), "int8": Speed(3, 20)})
    timed = choose_precision("auto", "float32", MEDIUM, CPU, timed=lambda: speeds)  # type: ignore[arg-type,return-value]
    assert timed.precision == "int8"
    assert "timed at the first load on 'torn'" in timed.reason
    assert choose_precision("auto", "float32", MEDIUM, CPU).reason.endswith("by rule")


@pytest.mark.parametrize(
    ("kind", "weights", "chosen"),
    [("none", SMALL, "float32"), ("none", LARGE, "int8"), ("new", SMALL, "int8"), ("new", LARGE, "int8")],
)
def test_the_rule(monkeypatch: pytest.MonkeyPatch, kind: str, weights: int, chosen: Precision) -> None:
    monkeypatch.setattr(cpu_speed, "TABLE", ())
    monkeypatch.setattr(precision, "cpu_kind", lambda: kind)
    assert choose_precision("auto", "float32", weights, CPU).precision == chosen


def test_the_more_exact_one_is_taken_where_fewer_bits_gain_little() -> None:
    speeds = {"float32": Speed(100, 100), "bfloat16": Speed(104, 104), "int8": Speed(109, 109)}
    assert fastest(speeds, "balanced") == "float32"  # type: ignore[arg-type]
    speeds["int8"] = Speed(112, 112)
    assert fastest(speeds, "balanced") == "bfloat16"  # type: ignore[arg-type]
    speeds["int8"] = Speed(130, 130)
    assert fastest(speeds, "balanced") == "int8"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wanted", "kept", "device", "bfloat16", "chosen"),
    [
        ("float32", "float32", CPU, True, "float32"),
        ("int4", "float32", CPU, True, "int4"),
        ("auto", "float32", GPU, True, "bfloat16"),
        ("auto", "int4", CPU, True, "int4"),
        ("auto", "bfloat16", CPU, True, "bfloat16"),
        ("auto", "bfloat16", CPU, False, "float32"),  # it is slow there, and float32 holds the same numbers
        ("auto", "bfloat16", GPU, False, "bfloat16"),
    ],
)
@pytest.mark.usefixtures("torn")
def test_settings_and_files_come_first(
    monkeypatch: pytest.MonkeyPatch,
    wanted: PrecisionChoice,
    kept: Precision,
    device: torch.device,
    bfloat16: bool,
    chosen: Precision,
) -> None:
    monkeypatch.setattr(precision, "multiplies_bfloat16", lambda device: bfloat16)
    assert choose_precision(wanted, kept, SMALL, device).precision == chosen


def test_whole_numbers_are_for_the_cpu() -> None:
    with pytest.raises(SettingsError, match="'int8' is for the CPU"):
        choose_precision("int8", "float32", LARGE, GPU)


def test_sizes() -> None:
    assert [size_of(n) for n in (SMALL, MEDIUM, LARGE)] == list(get_args(ModelSize))


def test_rows_of_the_table_are_whole() -> None:
    assert len({(row.kind, row.size) for row in TABLE}) == len(TABLE)
    for row in TABLE:
        assert row is row_of(row.kind, row.size)
        assert row.machine
        assert {"float32", "int8"} <= row.speeds.keys() <= set(CANDIDATES)
        assert all(speed.many > speed.one > 0 for speed in row.speeds.values())


def test_what_was_chosen_is_told() -> None:
    with TTS(config=TTSConfig(precision="float32")) as tts:
        stats, chosen = tts.get_performance_stats(), tts.family.precision
    assert stats.precision == chosen.precision == "float32"
    assert stats.precision_reason == "set by the setting 'precision'"
