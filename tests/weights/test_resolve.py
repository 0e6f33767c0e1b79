import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from fakes.hub import COMMIT, FakeHub, serving

from vivace.errors import ChecksumError, WeightsError, WeightsNotFoundError
from vivace.models.chattts.checkpoint import published
from vivace.models.chattts.family import ENCODER, REQUIRED
from vivace.models.files import resolve
from vivace.weights.files import Digest
from vivace.weights.manifest import Manifest, RemoteFile

FILES = {name: f"content of {name}".encode() * 50 for name in (*REQUIRED, ENCODER)}
OTHERS = {"README.md": b"# A model", "asset/GPT.pt": b"a pickle", "asset/.hidden.json": b"{}"}
LARGEST = "asset/gpt/model.safetensors"
REPO = "org/tiny"


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vivace.weights.fetch.PAUSE_S", 0.0)


@pytest.fixture
def hub() -> Iterator[FakeHub]:
    with serving(FakeHub(REPO, FILES | OTHERS)) as running:
        yield running


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> Manifest:
    """The repository as if it was in our table."""
    files = tuple(RemoteFile(n, len(c), Digest("sha256", hashlib.sha256(c).hexdigest())) for n, c in FILES.items())
    manifest = Manifest(REPO, COMMIT, files)
    monkeypatch.setitem(published.PUBLISHED, REPO, manifest)
    return manifest


def contents(root: Path) -> dict[str, bytes]:
    names = (path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file())
    return {name: (root / name).read_bytes() for name in names if not name.startswith(".")}


def make_folder(root: Path, names: tuple[str, ...] = (*REQUIRED, ENCODER)) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"x")
    return root


# Local folders


def test_a_folder_is_itself(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "model")
    assert resolve(root) == root
    assert resolve(str(root)) == root


def test_a_folder_goes_before_a_hub_address_of_that_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_folder(tmp_path / "org" / "tiny")
    monkeypatch.chdir(tmp_path)
    assert resolve(REPO) == Path(REPO)


def test_a_folder_with_gaps_says_which(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "model", REQUIRED[1:])
    with pytest.raises(WeightsNotFoundError, match=r"lacks asset/gpt/config\.json, asset/DVAE\.safetensors;"):
        resolve(root)


def test_a_model_may_do_without_a_dvae(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "model", REQUIRED)
    (root / "config.json").write_text('{"dvae": null}')
    assert resolve(root) == root
    (root / "config.json").write_text("{")
    with pytest.raises(WeightsError, match=r"config\.json is damaged"):
        resolve(root)


def test_a_folder_of_pickles_is_to_be_converted(tmp_path: Path) -> None:
    root = make_folder(tmp_path / "model", ("asset/GPT.pt",))
    with pytest.raises(WeightsNotFoundError, match=r"GPT\.pt.*vivace models convert"):
        resolve(root)


@pytest.mark.parametrize(
    "name", ["nothing", "./nothing", "/no/such/folder", "a/b/c", "org/name@", "-x/y", "org/../x", ""]
)
def test_what_is_no_name_of_a_model(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    with pytest.raises(WeightsNotFoundError):
        resolve(name, cache_dir=tmp_path, offline=True)


def test_a_file_is_no_model(tmp_path: Path) -> None:
    (tmp_path / "model.safetensors").write_bytes(b"x")
    with pytest.raises(WeightsNotFoundError, match="is a file, not a folder"):
        resolve(tmp_path / "model.safetensors")


# Downloads


@pytest.mark.usefixtures("known")
def test_a_known_model_comes_at_its_pinned_commit(hub: FakeHub, tmp_path: Path) -> None:
    seen: dict[str, tuple[int, int]] = {}
    root = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url + "/", progress=lambda f, d, t: seen.update({f: (d, t)}))
    assert contents(root) == FILES
    assert seen == {name: (len(content), len(content)) for name, content in FILES.items()}
    assert sorted(hub.files_asked()) == sorted(FILES)
    assert not [path for path, _ in hub.asked if path.startswith("/api/")]


@pytest.mark.usefixtures("known")
def test_the_second_time_nothing_is_asked_and_nothing_hashed(
    hub: FakeHub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    hub.asked.clear()
    monkeypatch.setattr("vivace.weights.files.sha256_of", lambda path: pytest.fail(f"hashed {path}"))
    assert resolve(REPO, cache_dir=tmp_path, endpoint=hub.url) == first
    assert resolve(f"{REPO}@{COMMIT}", cache_dir=tmp_path, offline=True) == first
    assert hub.asked == []


@pytest.mark.usefixtures("known")
def test_only_what_is_missing_is_fetched(hub: FakeHub, tmp_path: Path) -> None:
    root = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    (root / ENCODER).unlink()
    hub.asked.clear()
    resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    assert hub.files_asked() == [ENCODER]
    assert contents(root) == FILES


@pytest.mark.usefixtures("known")
def test_an_interrupted_pull_goes_on(hub: FakeHub, tmp_path: Path) -> None:
    part = tmp_path / "models" / "org--tiny" / COMMIT / f"{LARGEST}.part"
    part.parent.mkdir(parents=True)
    part.write_bytes(FILES[LARGEST][:700])
    root = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    assert (f"/storage/{LARGEST}", "bytes=700-") in hub.asked
    assert contents(root) == FILES


@pytest.mark.usefixtures("known")
def test_two_at_once_fetch_every_file_once(hub: FakeHub, tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        roots = list(pool.map(lambda _: resolve(REPO, cache_dir=tmp_path, endpoint=hub.url), range(4)))
    assert len(set(roots)) == 1
    assert sorted(hub.files_asked()) == sorted(FILES)
    assert contents(roots[0]) == FILES


@pytest.mark.usefixtures("known")
def test_a_file_that_comes_wrong_is_fetched_once_more(hub: FakeHub, tmp_path: Path) -> None:
    hub.spoilt = [LARGEST]
    assert contents(resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)) == FILES
    assert hub.files_asked().count(LARGEST) == 2


@pytest.mark.usefixtures("known")
def test_a_file_that_comes_wrong_twice_is_refused(hub: FakeHub, tmp_path: Path) -> None:
    hub.spoilt = [LARGEST, LARGEST]
    with pytest.raises(ChecksumError, match=r"model\.safetensors is not the published file.*expected [0-9a-f]{64}"):
        resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    folder = tmp_path / "models" / "org--tiny" / COMMIT
    assert not (folder / LARGEST).exists()
    assert not list(folder.rglob("*.part"))


@pytest.mark.usefixtures("known")
def test_a_file_that_changed_on_disk_is_replaced(hub: FakeHub, tmp_path: Path) -> None:
    root = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    (root / ENCODER).write_bytes(b"y" * len(FILES[ENCODER]))
    with pytest.raises(ChecksumError, match="is damaged"):
        resolve(REPO, cache_dir=tmp_path, offline=True)
    assert contents(resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)) == FILES


@pytest.mark.usefixtures("known")
def test_a_damaged_marker_costs_a_check_and_nothing_else(hub: FakeHub, tmp_path: Path) -> None:
    root = resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)
    (root / ".verified.json").write_text("[nonsense")
    hub.asked.clear()
    assert resolve(REPO, cache_dir=tmp_path, offline=True) == root
    assert len(json.loads((root / ".verified.json").read_text())) == len(FILES)
    assert hub.asked == []


@pytest.mark.usefixtures("known")
def test_offline_says_what_is_missing(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(
        WeightsNotFoundError, match=r"and 2 more of org/tiny not in the cache.*vivace models pull org/tiny"
    ):
        resolve(REPO, cache_dir=tmp_path, endpoint=hub.url, offline=True)
    assert hub.asked == []


def test_an_unknown_model_is_described_by_the_hub(hub: FakeHub, tmp_path: Path) -> None:
    root = resolve(f"{REPO}@v1", cache_dir=tmp_path, endpoint=hub.url)
    assert root.name == COMMIT
    assert contents(root) == FILES  # no pickle, no hidden file, nothing else
    hub.asked.clear()
    assert resolve(f"{REPO}@v1", cache_dir=tmp_path, offline=True) == root
    assert resolve(f"{REPO}@v1", cache_dir=tmp_path, endpoint=hub.url) == root
    assert all(path.startswith("/api/") for path, _ in hub.asked)


def test_files_of_an_unknown_model_are_checked_too(hub: FakeHub, tmp_path: Path) -> None:
    small = "asset/gpt/config.json"  # the hub knows the git hash of this one only
    hub.spoilt = [small, small]
    with pytest.raises(ChecksumError, match=r"config\.json is not the published file"):
        resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)


def test_an_unknown_model_offline(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"org/tiny@main is not in the cache"):
        resolve(REPO, cache_dir=tmp_path, endpoint=hub.url, offline=True)


def test_a_model_that_the_hub_does_not_have(hub: FakeHub, tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match=r"org/other.*does not exist \(HTTP 404\)"):
        resolve("org/other", cache_dir=tmp_path, endpoint=hub.url)


def test_a_repository_that_is_no_checkpoint(tmp_path: Path) -> None:
    with serving(FakeHub(REPO, OTHERS)) as hub, pytest.raises(WeightsNotFoundError, match="no complete checkpoint"):
        resolve(REPO, cache_dir=tmp_path, endpoint=hub.url)


def test_a_hub_that_names_files_outside_the_folder(hub: FakeHub, tmp_path: Path) -> None:
    hub.files = FILES | {"asset/../../../escape.json": b"{}", "asset/gpt/../../../x.json": b"{}"}
    root = resolve(REPO, cache_dir=tmp_path / "cache", endpoint=hub.url)
    assert contents(root) == FILES
    assert [path.name for path in tmp_path.iterdir()] == ["cache"]


def test_an_endpoint_that_is_no_hub(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no https address"):
        resolve(REPO, cache_dir=tmp_path, endpoint="file:///etc")


def test_a_cache_that_cannot_be_made(hub: FakeHub, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file is in the way")
    with pytest.raises(WeightsError, match=r"cannot use the cache .*paths\.cache_dir"):
        resolve(REPO, cache_dir=tmp_path / "cache", endpoint=hub.url)


def test_the_published_table_is_complete() -> None:
    files = {file.path: file for file in published.CHATTTS.files}
    assert {*REQUIRED, ENCODER} <= files.keys()
    assert len(files) == 9
    assert published.CHATTTS.size == 1_217_892_921
    assert all(len(file.digest.value) == 64 for file in files.values())


def test_a_name_too_long_for_a_file_is_no_model() -> None:
    with pytest.raises(WeightsNotFoundError, match="does not exist"):
        resolve("x" * 5000)
