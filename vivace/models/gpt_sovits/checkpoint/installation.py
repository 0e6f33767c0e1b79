"""Models of a GPT-SoVITS installation that settings name: converted once, found again afterwards."""

import logging
from dataclasses import replace
from pathlib import Path

from filelock import FileLock

from vivace.cache.keys import content_key
from vivace.models.gpt_sovits.checkpoint.convert import convert_gpt_sovits
from vivace.models.gpt_sovits.checkpoint.legacy_files import Version, published_version, read_mark
from vivace.models.gpt_sovits.checkpoint.sources import Sources
from vivace.settings.speech import GPTSoVITSConfig

log = logging.getLogger(__name__)

KIND = "gpt-sovits/1"  # counted up when files are converted in another way
WEIGHTS = ("model.safetensors", "pytorch_model.bin")  # of HuBERT and BERT, in their folders


def converted_installation(named: GPTSoVITSConfig, cache_dir: Path) -> Path:
    """The folder of safetensors below ``cache_dir`` that the installation ``named`` is converted into.

    Files that change are converted again. Raises: WeightsError when a file is missing or is not what it should be.
    """
    sources = _sources(named)
    files = [getattr(sources, name) for name in ("s1", "s2", "base", "hubert", "bert")]
    stamps = [(str(path), path.stat().st_size, path.stat().st_mtime_ns) for path in files if path is not None]
    folder = cache_dir / "converted" / content_key(KIND, named.version, stamps)
    if not folder.exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(folder.with_suffix(".lock")):
            if not folder.exists():
                log.info("converting %s and %s; this happens once", sources.s1.name, sources.s2.name)
                convert_gpt_sovits(sources, folder, version=_version(sources.s2, named.version))
    return folder


def _sources(named: GPTSoVITSConfig) -> Sources:
    assert named.pretrained is not None, "an installation is named"
    found = Sources.find(named.pretrained, version=named.version, s1=named.gpt, s2=named.sovits)
    return replace(found, hubert=_weights(named.hubert) or found.hubert, bert=_weights(named.bert) or found.bert)


def _weights(folder: Path | None) -> Path | None:
    if folder is None:
        return None
    return next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)


def _version(s2: Path, told: Version | None) -> Version | None:
    """What the settings say, where the file itself says nothing: there it was found out anew at each start."""
    return None if published_version(s2) or read_mark(s2) else told
