import json
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from vivace.bench import vocoder
from vivace.bench.report import STATM, PeakMemory
from vivace.bench.vocoder import HEADER, VocoderPlan, main, measure, table
from vivace.cli.bench import app
from vivace.layers.hifigan import HiFiGANConfig
from vivace.layers.native.convnext import is_quick
from vivace.layers.native.kernels import deactivate, kernels
from vivace.models.chattts.checkpoint.config import StackConfig
from vivace.vocoder.bigvgan import BigVGAN, BigVGANConfig
from vivace.vocoder.hifigan import HiFiGAN
from vivace.vocoder.vocos import Vocos


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Published sizes take minutes; their shape does not matter to the bookkeeping."""
    monkeypatch.setattr(vocoder, "Vocos", lambda: Vocos(dim=8, intermediate_dim=8, num_layers=1))
    monkeypatch.setattr(vocoder, "HiFiGAN", lambda: HiFiGAN(HiFiGANConfig(100, 8, (4, 2), (8, 4)), 800))
    monkeypatch.setattr(vocoder, "BigVGAN", lambda: BigVGAN(BigVGANConfig(100, 8, (2, 2), (4, 4), sample_rate=400)))
    stack = StackConfig(idim=8, odim=8, hidden=8, n_layer=1, bn_dim=8)
    monkeypatch.setattr(vocoder, "PUBLISHED_DECODER", stack)


SHORT = VocoderPlan(seconds=2.0, chunk_size=40, repeats=1)


def test_every_form_of_every_network_is_measured_and_right() -> None:
    report = measure(SHORT)
    exact = [figure for figure in report.figures if figure.precision == "float32"]
    networks = ("vocos", "decoder", "hifigan", "bigvgan", "decoder + vocos")
    assert {figure.network for figure in exact} == {*networks}
    for network in networks:
        forms = [figure.form for figure in exact if figure.network == network]
        assert forms == ["whole", "chunked", "batched", "streamed"]  # no graphs on a CPU
    assert all(figure.off_by < 1e-4 for figure in exact if figure.off_by is not None)
    assert {figure.network for figure in exact if figure.off_by is None} == {"decoder + vocos"}
    coarse = {figure.network for figure in report.figures if figure.precision == "bfloat16"}
    assert coarse == {"vocos", "decoder", "decoder + vocos"}
    assert all(len(row) == len(HEADER) for row in table(report))


def test_the_two_of_chattts_take_as_long_as_both() -> None:
    report = measure(replace(SHORT, networks=("vocos", "decoder"), precisions=("float32",), forms=("whole",)))
    vocos, decoder, both = report.figures
    assert both.network == "decoder + vocos"
    assert 1 / both.x_real_time == pytest.approx(1 / vocos.x_real_time + 1 / decoder.x_real_time)
    assert both.ratio == pytest.approx(1.0)


def test_the_compiled_kernels_are_measured_where_they_are_quick(tmp_path: Path) -> None:
    plan = replace(SHORT, networks=("vocos",), forms=("whole",), kernels=tmp_path)
    try:
        report = measure(plan)
        active = kernels()
        found = {figure.precision: figure.off_by for figure in report.figures}
        quick = {name for name, form in vocoder.FORMS.items() if is_quick(active, form)}
        assert {*found} == {"float32", "bfloat16"} | quick
        assert all((found[name] or 0) < 1e-4 for name in quick)  # so narrow a block stays with torch
    finally:
        deactivate()


def test_the_command_ends_with_a_line_of_json() -> None:
    arguments = ["vocoder", "--network", "vocos", "--form", "whole", "--precision", "float32", "--seconds", "1"]
    result = CliRunner().invoke(app, [*arguments, "--repeats", "1", "--no-native"])
    assert result.exit_code == 0, result.output
    report = json.loads(result.stdout.splitlines()[-1])
    assert [figure["form"] for figure in report["figures"]] == ["whole"]
    assert report["seconds"] == 1.0


def test_it_runs_without_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    main(["--network", "vocos", "--form", "chunked", "--precision", "float32", "--seconds", "1", "--repeats", "1"])
    assert json.loads(capsys.readouterr().out.splitlines()[-1])["figures"][0]["network"] == "vocos"


@pytest.mark.skipif(not STATM.exists(), reason="only Linux tells")
def test_peak_memory_is_seen() -> None:
    assert Path("/proc/self").exists()
    with PeakMemory(torch.device("cpu")) as peak:
        held = torch.ones(20_000_000)  # 80 MB
        del held
    assert peak.bytes is not None
    assert 60e6 < peak.bytes < 200e6
