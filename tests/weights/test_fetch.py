import hashlib
import ssl
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from fakes.hub import COMMIT, FakeHub, serving

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.weights.fetch import fetch, get_json

NAME = "asset/big.safetensors"
CONTENT = bytes(hashlib.shake_128(b"content").digest(3_000_000))


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivace.weights.fetch.PAUSE_S", 0.0)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub("org/tiny", {NAME: CONTENT})) as running:
        yield running


def address(hub: FakeHub, name: str = NAME) -> str:
    return f"{hub.url}/org/tiny/resolve/{COMMIT}/{name}"


def test_a_file_comes_whole_and_tells_how_far_it_is(hub: FakeHub, tmp_path: Path) -> None:
    steps: list[int] = []
    fetch(address(hub), tmp_path / "part", len(CONTENT), on_bytes=steps.append)
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert steps == sorted(steps)
    assert steps[-1] == len(CONTENT)


def test_a_cut_connection_is_taken_up_where_it_broke(hub: FakeHub, tmp_path: Path) -> None:
    hub.cuts = [1_000_000, 500_000]
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT
    ranges = [wanted for path, wanted in hub.asked if path.startswith("/storage/")]
    assert ranges == [None, "bytes=1000000-", "bytes=1500000-"]


def test_a_later_run_takes_up_what_an_earlier_one_left(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT[:2_999_000])
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT
    assert hub.asked[0][1] == "bytes=2999000-"


def test_a_server_without_ranges_starts_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.ranges = False
    (tmp_path / "part").write_bytes(b"x" * 1000)
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_part_that_is_too_long_is_thrown_away(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT + b"more")
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_a_whole_part_asks_for_nothing(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "part").write_bytes(CONTENT)
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert hub.asked == []


def test_a_busy_server_is_asked_again(hub: FakeHub, tmp_path: Path) -> None:
    hub.failures = [503, 429]
    fetch(address(hub), tmp_path / "part", len(CONTENT))
    assert (tmp_path / "part").read_bytes() == CONTENT


def test_giving_up_keeps_what_came(hub: FakeHub, tmp_path: Path) -> None:
    hub.cuts = [700_000]
    hub.failures = []
    part = tmp_path / "part"

    def then_fail(done: int) -> None:
        hub.failures = [503] * 9

    with pytest.raises(WeightsError, match=r"HTTP 503.*700,000 of 3,000,000 bytes are kept.*run it again"):
        fetch(address(hub), part, len(CONTENT), on_bytes=then_fail)
    assert part.read_bytes() == CONTENT[:700_000]


def test_more_bytes_than_promised_are_refused(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="sends more than the 1,000 bytes"):
        fetch(address(hub), tmp_path / "part", 1000)


@pytest.mark.parametrize(
    ("status", "words"), [(404, "does not exist"), (401, "private, gated"), (403, "private, gated")]
)
def test_a_refusal_is_final(hub: FakeHub, tmp_path: Path, status: int, words: str) -> None:
    hub.failures = [status]
    with pytest.raises(WeightsNotFoundError, match=words):
        fetch(address(hub), tmp_path / "part", 10)
    assert len(hub.asked) == 1


def test_nobody_at_the_address(tmp_path: Path) -> None:
    with serving(FakeHub("org/tiny", {})) as gone:
        pass
    with pytest.raises(WeightsError, match=r"cannot download .*mirror"):
        fetch(address(gone), tmp_path / "part", 10)
    with pytest.raises(WeightsError, match=r"cannot reach .*mirror"):
        get_json(f"{gone.url}/api")


def test_a_certificate_that_cannot_be_trusted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    attempts: list[object] = []

    def refuse(*request: object, **_: object) -> None:
        attempts.append(request)
        error = ssl.SSLCertVerificationError(1, "certificate verify failed")
        error.verify_message = "unable to get local issuer certificate"
        raise urllib.error.URLError(error)

    monkeypatch.setattr(urllib.request, "urlopen", refuse)
    with pytest.raises(WeightsError, match=r"unable to get local issuer certificate.*SSL_CERT_FILE"):
        fetch("https://hub.example/x", tmp_path / "part", 10)
    assert len(attempts) == 1


def test_an_answer_that_is_no_json(hub: FakeHub) -> None:
    with pytest.raises(WeightsError, match="does not answer like a model hub"):
        get_json(f"{hub.url}/storage/{NAME}")


def test_a_folder_that_cannot_be_written(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"cannot write .*paths\.cache_dir"):
        fetch(address(hub), tmp_path / "nowhere" / "part", len(CONTENT))
