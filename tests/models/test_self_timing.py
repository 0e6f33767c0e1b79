"""Precisions that are timed at the first load, and kept."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import torch

from vivace import TTS, TTSConfig
from vivace.layers.native import kernels as native
from vivace.models import cpu_speed, self_timing
from vivace.models.chattts.checkpoint.parts import load_chattts, probed_llama
from vivace.models.gpt_sovits.checkpoint.parts import probed_s1
from vivace.models.gpt_sovits.t2s.model import S1Config, S1Model
from vivace.models.registry import embedded_root
from vivace.models.self_timing import ProbedModel, kept_speeds, time_precisions


@pytest.fixture(params=[True, False], ids=["kernels", "plain"])
def compiled(request: pytest.FixtureRequest, native_folder: Path) -> Iterator[None]:
    if request.param and not native.activate(native_folder):
        pytest.skip("no C compiler here")
    yield
    native.deactivate()


@pytest.fixture
def model() -> ProbedModel:
    chattts = load_chattts(embedded_root(), fuse=False).model
    return probed_llama(chattts.llama, chattts.config.gpt)


@pytest.mark.usefixtures("compiled")
def test_a_llama_is_timed_quickly_and_stays_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    chattts = load_chattts(embedded_root(), fuse=False).model
    before = {name: value.clone() for name, value in chattts.llama.state_dict().items()}
    monkeypatch.setattr(self_timing, "SHARE_S", 0.01)
    started = time.process_time()
    speeds = time_precisions(probed_llama(chattts.llama, chattts.config.gpt))
    assert time.process_time() - started < 2  # about 0.3 s on an idle machine
    assert {"float32", "int8"} <= speeds.keys()
    after = chattts.llama.state_dict()
    assert all(torch.equal(after[name], value) for name, value in before.items())


@pytest.mark.usefixtures("compiled")
def test_an_s1_is_timed_and_stays_as_it_was() -> None:
    torch.manual_seed(0)
    s1 = S1Model(S1Config(width=96, heads=3, layers=3, hidden=160, phones=9, codes=21, bert=8)).eval()
    before = {name: value.clone() for name, value in s1.state_dict().items()}
    assert all(speed.one > 0 and speed.many > 0 for speed in time_precisions(probed_s1(s1)).values())
    assert all(torch.equal(s1.state_dict()[name], value) for name, value in before.items())


def test_a_timing_is_made_once(monkeypatch: pytest.MonkeyPatch, model: ProbedModel, tmp_path: Path) -> None:
    first = kept_speeds(model, tmp_path)
    monkeypatch.setattr(self_timing, "time_precisions", lambda model: pytest.fail("timed again"))
    assert first is not None
    assert kept_speeds(model, tmp_path) == first
    assert [path.suffix for path in tmp_path.iterdir()] == [".json"]


@pytest.mark.parametrize("content", ["", "[1]", '{"float32": {"one": 1}}', '{"int8": {"one": 1, "many": 2}}', "\x00"])
def test_a_damaged_file_is_made_anew(model: ProbedModel, tmp_path: Path, content: str) -> None:
    kept_speeds(model, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_text(content)
    assert kept_speeds(model, tmp_path) is not None
    assert path.read_text() != content


def test_the_first_of_two_processes_decides(
    monkeypatch: pytest.MonkeyPatch, model: ProbedModel, tmp_path: Path
) -> None:
    def slow(model: ProbedModel) -> cpu_speed.Speeds:
        monkeypatch.setattr(self_timing, "time_precisions", lambda model: {"float32": cpu_speed.Speed(1, 2)})
        assert kept_speeds(model, tmp_path) == {"float32": cpu_speed.Speed(1, 2)}  # another process, meanwhile
        return {"float32": cpu_speed.Speed(3, 4)}

    monkeypatch.setattr(self_timing, "time_precisions", slow)
    assert kept_speeds(model, tmp_path) == {"float32": cpu_speed.Speed(1, 2)}


def test_what_cannot_be_kept_does_not_decide(model: ProbedModel, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    assert kept_speeds(model, blocked / "folder") is None


@pytest.mark.parametrize("timing", [True, False])
def test_at_the_first_load_where_the_table_has_no_row(
    monkeypatch: pytest.MonkeyPatch, own_environment: Path, timing: bool
) -> None:
    monkeypatch.setattr(cpu_speed, "TABLE", ())
    with TTS(config=TTSConfig(self_timing=timing, native_kernels=False)) as tts:
        first = tts.family.precision
    with TTS(config=TTSConfig(self_timing=timing, native_kernels=False)) as tts:
        assert tts.family.precision == first
    assert ("timed at the first load" in first.reason) == timing
    assert bool(list((own_environment / "cache" / "native").glob("precision-*.json"))) == timing
    native.deactivate()
