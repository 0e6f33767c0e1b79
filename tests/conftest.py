"""What every test runs in."""

import os
import re
import sys
from collections.abc import Generator
from pathlib import Path

import pytest
from fakes.avx2 import KERNELS, imitate_avx2

# Before torch is loaded. The models of the tests are small: a second thread gains little, and on a busy machine threads
# that wait for one another make them ten times slower.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Checkpoints of random weights say nothing right: to speak again would take time and change nothing.
AGAIN = "VIVACE_CHECK__RETRIES"
os.environ[AGAIN] = "0"  # for fixtures that live longer than one test


CPU_OPTION = "--cpu"


def pytest_configure(config: pytest.Config) -> None:
    """Before any test module loads torch, which reads the CPU once."""
    if config.getoption(CPU_OPTION) == "avx2":
        imitate_avx2()


@pytest.fixture(autouse=True, scope="module")
def plain_torch() -> None:
    """Compiled kernels that another file's models left in use are not; a file's results hang on no other file."""
    if native := sys.modules.get("vivace.layers.native.kernels"):
        native.deactivate()


@pytest.fixture(autouse=True)
def own_environment(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Path:
    """No settings of whoever runs the tests; caches and added voices in a folder of this test."""
    for name in list(os.environ):
        if name.upper().startswith(("VIVACE_", "HF_")):
            monkeypatch.delenv(name)
    if pytestconfig.getoption(CPU_OPTION) == "avx2":
        for name, kind in KERNELS.items():
            monkeypatch.setenv(name, kind)
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("VIVACE_PATHS__CACHE_DIR", str(home / "cache"))
    monkeypatch.setenv("VIVACE_PATHS__VOICES_DIR", str(home / "voices"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv(AGAIN, "0")
    monkeypatch.setenv("VIVACE_SELF_TIMING", "false")  # a timing beside other tests says nothing, and each costs time
    return home


@pytest.fixture(scope="session")
def native_folder() -> Path:
    """A folder for compiled kernels that tests share: compiling takes seconds. Libraries are named by their sources."""
    return Path(__file__).parents[1] / ".pytest_cache" / "native"


# What the machine cannot be given: an accelerator, or a CPU of another kind.
# Also what stands for a device (an emulator of Arm), and packages of hundreds of megabytes that only a recipe needs.
DEVICE_REASONS = re.compile(r"no accelerator|this CPU |a CPU with|no Arm CPU|hundreds of megabytes")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of this suite."""
    parser.addoption(CPU_OPTION, choices=["avx2"], help="imitate a CPU without AVX-512 and VNNI")
    parser.addoption(
        "--only-device-skips",
        action="store_true",
        help="a test skipped for another reason than a missing device or kind of CPU fails",
    )


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """With ``--only-device-skips``, fail a test that is skipped because a program or a library is missing."""
    report = yield
    if report.skipped and item.config.getoption("--only-device-skips") and isinstance(report.longrepr, tuple):
        reason = report.longrepr[2]
        if not DEVICE_REASONS.search(reason):
            report.outcome = "failed"
            report.longrepr = f"{item.nodeid} was skipped, and not for a device or kind of CPU: {reason}"
    return report


# Names of test functions: tests of more than about two seconds on a busy 2-core machine, all parameters together.
SLOW = frozenset((Path(__file__).parent / "slow_tests.txt").read_text(encoding="utf-8").split())


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark slow tests; tracing every line would cost them minutes, so that they are left out of the coverage."""
    for item in items:
        if item.name.partition("[")[0] in SLOW or item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.slow)
            if config.getoption("cov_source", None):
                item.add_marker(pytest.mark.no_cover)
