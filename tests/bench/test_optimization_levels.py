"""The guide's levels: what each of them sets, and what the table says."""

from vivace.bench.optimization_levels import (
    LENGTHS,
    LEVELS,
    WITHOUT,
    LevelsPlan,
    LevelsReport,
    LevelsRow,
    caption,
    header,
    table,
    text_of,
)
from vivace.bench.optimization_levels import _with as with_settings
from vivace.bench.report import machine_of
from vivace.settings import TTSConfig
from vivace.text import split


def test_texts_have_as_many_pieces_as_the_guide_says() -> None:
    for pieces in LENGTHS.values():
        assert len(split(text_of(pieces), "en")) == pieces


def test_every_level_is_a_configuration_without_the_result_cache() -> None:
    base = TTSConfig(cache={"results": "disk"}, engine={"slots": 5})
    for settings in (*LEVELS.values(), *WITHOUT.values()):
        config = with_settings(base, settings)
        assert config.cache.results == "off"
        assert TTSConfig(**config.model_dump()) == config  # every value is allowed
    plain = with_settings(base, LEVELS["plain"])
    assert (plain.engine.slots, plain.engine.positions) == (1, base.engine.positions)
    assert (plain.precision, plain.vocoder.precision, plain.native_kernels) == ("float32", "float32", False)
    assert with_settings(base, LEVELS["advanced"]).engine.slots == 5


def row(name: str, seconds: float) -> LevelsRow:
    return LevelsRow(name, {"short": seconds, "medium": 10 * seconds, "long": 20 * seconds}, seconds / 4, 8 / seconds)


def test_ratios_are_gains() -> None:
    report = LevelsReport(
        machine_of("cpu"), (row("plain", 4.0), row("optimized", 2.0), row("advanced", 1.0)), (row("this", 1.25),)
    )
    assert "threads: " in caption(report)
    lines = table(report)
    assert all(len(line) == len(header(LevelsPlan(TTSConfig()))) for line in lines)
    assert lines[3] == ("advanced / plain", "x 4.00", "x 4.00", "x 4.00", "x 4.00", "x 4.00")
    assert lines[4] == ("without this", "x 0.80", "x 0.80", "x 0.80", "x 0.80", "x 0.80")
