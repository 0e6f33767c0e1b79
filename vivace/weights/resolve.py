"""From the name of a model to a folder with its files, downloaded when they are not here, and checked."""

import json
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from filelock import FileLock
from platformdirs import user_cache_path

from vivace.errors import ChecksumError, WeightsError, WeightsNotFoundError
from vivace.weights.fetch import fetch
from vivace.weights.files import replacing
from vivace.weights.manifest import COMMIT, Manifest, RemoteFile, ask_hub
from vivace.weights.tensor_file import PICKLE_SUFFIXES

MAX_LISTED = 5


def require_files(root: Path, required: Iterable[str]) -> None:
    """Raises: WeightsNotFoundError when ``root`` lacks one of the ``required`` files; the message names them."""
    missing = [name for name in required if not (root / name).is_file()]
    if not missing:
        return
    pickles = [path for path in _files(root) if path.suffix.lower() in PICKLE_SUFFIXES]
    advice = (
        f"it holds legacy files such as {pickles[0].name}: make a new folder with `vivace models convert {root} TARGET`"
        if pickles
        else "fetch them from where the others came from, or give a hub address such as 2Noise/ChatTTS"
    )
    raise WeightsNotFoundError(f"{root} is no complete checkpoint, it lacks {shortened(missing)}; {advice}")


def shortened(names: Sequence[str]) -> str:
    """The first few names, and how many more there are."""
    rest = len(names) - MAX_LISTED
    return ", ".join(names[:MAX_LISTED]) + (f" and {rest} more" if rest > 0 else "")


def _files(root: Path) -> Iterable[Path]:
    return sorted(path for folder in (root, root / "asset") if folder.is_dir() for path in folder.iterdir())


HUB = "https://huggingface.co"
ADDRESS = re.compile(r"(?P<repo>[A-Za-z0-9][\w.-]*/[A-Za-z0-9][\w.-]*)(@(?P<revision>[\w./-]+))?", re.ASCII)
MARKER = ".verified.json"  # in a checkpoint's folder: size and time of each file when it was last found right

OnProgress = Callable[[str, int, int], None]  # file, bytes of it that are here, its size


def resolve(
    model: str | Path,
    *,
    published: Mapping[str, Manifest],
    check: Callable[[Path], None],
    cache_dir: Path | None = None,
    endpoint: str | None = None,
    offline: bool = False,
    progress: OnProgress | None = None,
) -> Path:
    """The root folder of a checkpoint, complete.

    Args:
        model: a folder, or a hub address ``org/name`` or ``org/name@revision``. A folder of that name goes first.
        published: manifests that the package knows, by hub address; their files must be equal to the byte.
        check: raises WeightsNotFoundError for a folder that is no complete checkpoint.
        cache_dir: where downloads are kept; None is the user's cache folder.
        endpoint: the hub or a mirror of it.
        offline: use what is in the cache, connect to nothing.
        progress: called as the bytes of each file come.
    Returns:
        the folder. Files from the hub have been compared with the fingerprints published here or, for a repository
        that is not known here, with those the hub gives; files of a local folder are only looked for.
    Raises:
        WeightsNotFoundError: there is no such folder or address, or files are missing.
        ChecksumError: a file is not the one that was published, also after it was fetched once more.
        WeightsError: the hub cannot be reached, or the cache cannot be written.
    """
    folder = Path(model).expanduser()
    if os.path.isdir(folder):  # Path.is_dir raises where a name is too long to be one
        check(folder)
        return folder
    address = ADDRESS.fullmatch(model) if isinstance(model, str) else None
    if address is None:
        kind = "is a file, not a folder" if os.path.exists(folder) else "does not exist"
        raise WeightsNotFoundError(
            f"no model {str(model)[:200]!r}: as a folder it {kind}, and a hub address looks like org/name or "
            "org/name@revision; see `vivace models list`"
        )
    store = _Store((cache_dir or user_cache_path("vivace")) / "models" / address["repo"].replace("/", "--"))
    try:
        known = published.get(address["repo"])
        manifest = _manifest(store, address["repo"], address["revision"], known, endpoint or HUB, offline)
        found = _complete(store, manifest, endpoint or HUB, offline, progress)
    except OSError as exc:
        raise WeightsError(f"cannot use the cache {store.root} ({exc.strerror or exc}); set paths.cache_dir") from exc
    check(found)
    return found


@dataclass(frozen=True)
class _Store:
    """The part of the cache that holds one repository."""

    root: Path

    def folder(self, commit: str) -> Path:
        return self.root / commit

    def manifest(self, revision: str) -> Path:
        return self.root / f"{quote(revision, safe='')}.json"


def _manifest(
    store: _Store, repo: str, revision: str | None, known: Manifest | None, endpoint: str, offline: bool
) -> Manifest:
    """The files of the checkpoint: from our table, else from the hub, else from its last answer."""
    if known is not None and revision in (None, known.commit):
        return known
    wanted = revision or "main"
    kept = store.manifest(wanted)
    if kept.is_file() and (offline or COMMIT.fullmatch(wanted)):  # a commit never changes
        try:
            return Manifest.from_json(kept.read_text(encoding="utf-8"))
        except (ValueError, KeyError, TypeError):
            kept.unlink()  # damaged: as if it was not there
    if offline:
        raise WeightsNotFoundError(
            f"{repo}@{wanted} is not in the cache {store.root} and offline mode is on; "
            f"run `vivace models pull {repo}` with a connection first"
        )
    if not endpoint.startswith(("https://", "http://")):
        raise WeightsError(f"hub endpoint {endpoint!r} is no https address; correct hub.endpoint")
    manifest = ask_hub(repo, wanted, endpoint.rstrip("/"))
    store.root.mkdir(parents=True, exist_ok=True)
    with replacing(kept) as part:
        part.write_text(manifest.to_json(), encoding="utf-8")
    return manifest


def _complete(store: _Store, manifest: Manifest, endpoint: str, offline: bool, progress: OnProgress | None) -> Path:
    folder = store.folder(manifest.commit)
    missing = [file.path for file in manifest.files if not (folder / file.path).is_file()]
    if offline and missing:
        raise WeightsNotFoundError(
            f"{shortened(missing)} of {manifest.repo} not in the cache {folder} and offline mode is on; "
            f"run `vivace models pull {manifest.repo}` with a connection first"
        )
    if _unchecked(folder, manifest):  # a complete cache may be read-only
        folder.mkdir(parents=True, exist_ok=True)
        with FileLock(folder / ".lock"):  # a second process waits, and then finds everything here
            for file in _unchecked(folder, manifest):
                _provide(folder, file, manifest, endpoint, offline, progress)
                marks = _read_marks(folder) | {file.path: _mark(folder / file.path, file)}
                with replacing(folder / MARKER) as part:
                    part.write_text(json.dumps(marks, indent=1), encoding="utf-8")
    return folder


def _unchecked(folder: Path, manifest: Manifest) -> list[RemoteFile]:
    """The files that are not here, or not as they were when they were last found right."""
    marks = _read_marks(folder)
    return [f for f in manifest.files if (mark := _mark(folder / f.path, f)) is None or marks.get(f.path) != mark]


def _provide(
    folder: Path, file: RemoteFile, manifest: Manifest, endpoint: str, offline: bool, progress: OnProgress | None
) -> None:
    """Leave ``file`` in ``folder``, with the content it should have."""
    path = folder / file.path
    part = path.with_name(path.name + ".part")
    if path.is_file():
        if file.digest.of(path) == file.digest.value:
            return
        if offline:
            raise ChecksumError(
                f"{path} is damaged (not {file.digest}) and offline mode is on; "
                f"run `vivace models pull {manifest.repo}` with a connection"
            )
        path.unlink()
    path.parent.mkdir(parents=True, exist_ok=True)
    url = f"{endpoint.rstrip('/')}/{manifest.repo}/resolve/{manifest.commit}/{quote(file.path)}"
    found = ""
    for _ in range(2):  # once more when what came is wrong: it may have been begun by another mirror
        fetch(
            url,
            part,
            file.size,
            on_bytes=None if progress is None else lambda done: progress(file.path, done, file.size),
        )
        found = file.digest.of(part)
        if found == file.digest.value:
            part.replace(path)
            return
        part.unlink()
    raise ChecksumError(
        f"{url} is not the published file: {file.digest.kind} {found}, expected {file.digest.value}; "
        "try another endpoint (hub.endpoint), and report it if it stays"
    )


def _mark(path: Path, file: RemoteFile) -> list[int | str] | None:
    if not path.is_file():
        return None
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, str(file.digest)]


def _read_marks(folder: Path) -> dict[str, list[int | str] | None]:
    try:
        marks = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}  # then everything is checked again
    return marks if isinstance(marks, dict) else {}
