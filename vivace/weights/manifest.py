"""Which files a checkpoint on the hub consists of, and how large and what they are."""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from vivace.errors import WeightsError
from vivace.weights.fetch import get_json
from vivace.weights.files import Digest

COMMIT = re.compile(r"[0-9a-f]{40}")
_NAME = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"  # no leading dot, so no way out of the folder
# What a checkpoint is made of. Nothing else of a repository is fetched; above all no pickles.
WANTED = re.compile(
    rf"({_NAME})?config\.json|asset/{_NAME}\.safetensors|asset/(gpt|tokenizer)/{_NAME}\.(json|txt|safetensors)"
    rf"|voices/{_NAME}\.safetensors"
)


@dataclass(frozen=True)
class RemoteFile:
    """One file of a checkpoint."""

    path: str  # under the checkpoint's root, with forward slashes
    size: int  # bytes
    digest: Digest


@dataclass(frozen=True)
class Manifest:
    """A checkpoint at one commit."""

    repo: str  # "org/name"
    commit: str  # 40 hexadecimal digits
    files: tuple[RemoteFile, ...]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def to_json(self) -> str:
        """For ``from_json``."""
        rows = [[file.path, file.size, file.digest.kind, file.digest.value] for file in self.files]
        return json.dumps({"repo": self.repo, "commit": self.commit, "files": rows}, indent=1)

    @classmethod
    def from_json(cls, text: str) -> "Manifest":
        """Raises: ValueError, KeyError or TypeError when it is not what ``to_json`` wrote."""
        stored = json.loads(text)
        files = tuple(RemoteFile(path, size, Digest(kind, value)) for path, size, kind, value in stored["files"])
        return cls(stored["repo"], stored["commit"], files)


def ask_hub(repo: str, revision: str, endpoint: str) -> Manifest:
    """The manifest of any repository in the checkpoint layout, as the hub itself describes it.

    Raises: WeightsNotFoundError or WeightsError when the hub does not know it, cannot be reached, or answers nonsense.
    """
    about = get_json(f"{endpoint}/api/models/{repo}/revision/{quote(revision, safe='')}")
    commit = about.get("sha") if isinstance(about, dict) else None
    if not isinstance(commit, str) or not COMMIT.fullmatch(commit):
        raise WeightsError(f"{endpoint} does not answer like a model hub for {repo}; check the endpoint")
    listed = get_json(f"{endpoint}/api/models/{repo}/tree/{commit}?recursive=true")
    try:
        files = tuple(_remote_file(entry) for entry in listed if WANTED.fullmatch(entry["path"]))
    except (KeyError, TypeError) as exc:
        raise WeightsError(f"{endpoint} does not answer like a model hub for {repo}; check the endpoint") from exc
    return Manifest(repo, commit, files)


def _remote_file(entry: dict[str, Any]) -> RemoteFile:
    large = entry.get("lfs")
    if large:  # kept outside git, under its SHA-256
        return RemoteFile(entry["path"], int(large["size"]), Digest("sha256", large["oid"]))
    return RemoteFile(entry["path"], int(entry["size"]), Digest("git", entry["oid"]))
