"""Checkpoint files of all families: published manifests, complete folders, downloads."""

from collections.abc import Callable
from pathlib import Path

from vivace.models.registry import FAMILIES
from vivace.weights import resolve as weights_resolve
from vivace.weights.manifest import Manifest
from vivace.weights.resolve import require_files


def published_models() -> dict[str, Manifest]:
    """The checkpoints on the hub whose files the package knows, by address."""
    return {repo: manifest for entry in FAMILIES for repo, manifest in entry.spec.published.items()}


def check_layout(root: Path) -> None:
    """Raises: WeightsNotFoundError when files of a checkpoint are missing; the message names them."""
    found = [entry for entry in FAMILIES if (root / entry.landmark).is_file()]
    entry = found[0] if found else FAMILIES[0]
    require_files(root, entry.spec.required_files(root))


def resolve(
    model: str | Path,
    *,
    cache_dir: Path | None = None,
    endpoint: str | None = None,
    offline: bool = False,
    progress: Callable[[str, int, int], None] | None = None,
) -> Path:
    """As ``vivace.weights.resolve.resolve``, for checkpoints of all families."""
    return weights_resolve.resolve(
        model,
        published=published_models(),
        check=check_layout,
        cache_dir=cache_dir,
        endpoint=endpoint,
        offline=offline,
        progress=progress,
    )
