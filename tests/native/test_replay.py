"""Recorded calls of the portable kernels give the same bits through other builds of the library, on other machines."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pytest
from native.harness import build_harness, emulator, record_all
from native.recording import KERNELS, RecordedKernels, Recording

from vivace.layers.native import build, zig
from vivace.layers.native import kernels as native

ARM = "linux-musl-aarch64"  # linked into one file: needs no libraries of such a machine
KINDS = tuple(build.KINDS["aarch64"])


@pytest.fixture(scope="module")
def library(native_folder: Path) -> Path:
    found = build.build(native_folder)
    if found is None:
        pytest.skip("needs a C compiler")
    return found


@pytest.fixture(scope="module")
def recorded(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    recording = record_all(library)
    assert set(recording.calls) == set(KERNELS)
    path = tmp_path_factory.mktemp("recorded") / "calls.bin"
    recording.write(path)
    return path


@pytest.fixture(scope="module")
def arm(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """The command that replays on 64-bit Arm."""
    emulated, tools = emulator(), build.cross_toolchain(zig.TARGETS[ARM])
    if emulated is None:
        pytest.skip("no Arm CPU, and no emulator of one: apt install qemu-user")
    if tools is None:
        pytest.skip("no Arm CPU, and no compiler for one: pip install 'vivace[wheels]'")
    return [*emulated, str(build_harness(tools, tmp_path_factory.mktemp("arm"), build.KINDS["aarch64"], ("-static",)))]


def replay(command: Sequence[str], recording: Path, kind: str, *more: str) -> str:
    done = subprocess.run([*command, str(recording), kind, *more], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_on_this_machine(library: Path, recorded: Path, tmp_path: Path) -> None:
    tools = build.toolchain()
    assert tools is not None, "it compiled the library"
    program = build_harness(tools, tmp_path, build.kinds_of(build.machine()))
    for kind in native.Kernels(library).kinds:
        assert "64 calls, 168 comparisons, 0 differ" in replay([str(program)], recorded, kind)
        assert "0 differ" in replay([str(program)], recorded, kind, "3", "changing")
    damaged = tmp_path / "damaged.bin"
    content = bytearray(recorded.read_bytes())
    content[-8] ^= 1  # the last code that must be drawn
    damaged.write_bytes(content)
    done = subprocess.run([program, damaged, "portable"], capture_output=True, text=True)
    assert done.returncode == 1
    assert "differs" in done.stderr


@pytest.mark.parametrize("kind", KINDS)
def test_on_arm(arm: Sequence[str], recorded: Path, kind: str) -> None:
    assert "64 calls, 168 comparisons, 0 differ" in replay(arm, recorded, kind, "2")


@pytest.fixture(scope="module")
def request_(library: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every call of the kernels that the embedded voice makes for a short text."""
    from vivace import TTS, TTSConfig

    recording = Recording()
    before = native._active
    native._active = RecordedKernels(library, "portable", recording)
    config = TTSConfig(cpu_kind="portable", precision="int8", engine={"slots": 1, "positions": 256})
    try:
        with TTS(config=config) as tts:
            tts.synthesize("Yes.", seed=1)
    finally:
        native._active = before
    assert recording.calls["decode_batch"] > 5
    assert recording.calls["sample"] > 5
    path = tmp_path_factory.mktemp("request") / "calls.bin"
    recording.write(path)
    return path


@pytest.mark.slow
def test_a_request_of_the_embedded_voice_on_arm(arm: Sequence[str], request_: Path) -> None:
    """Each step gets what the step before it gave: equal results of every call are equal codes."""
    for kind in KINDS:
        assert "0 differ" in replay(arm, request_, kind, "2")
