"""Releases of packages that training and scoring read files from: downloaded with pip or npm, checked, unpacked."""

import hashlib
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from vivace.errors import ChecksumError


@dataclass(frozen=True)
class Package:
    """One release of one package."""

    name: str
    version: str
    file: str
    sha256: str
    registry: str = "PyPI"  # or "npm"


def packages(use: str) -> tuple[Package, ...]:
    """The packages of one use, out of ``data/packages.tsv``: ``judges``, ``kokoro`` or ``sentences``."""
    table = files("vivace.train").joinpath("data/packages.tsv").read_text(encoding="utf-8")
    rows = (line.split("\t") for line in table.splitlines())
    return tuple(
        Package(name, version, file, sha256, registry)
        for listed, registry, name, version, file, sha256 in rows
        if listed == use
    )


def fetch(folder: Path, packages: Iterable[Package]) -> None:
    """Download, check and unpack what is not there yet. Raises: ChecksumError when a download is not the known one."""
    downloads = folder / "downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    for package in packages:
        path = downloads / package.file
        if not path.is_file():
            subprocess.run(_command(package, downloads), check=True, stdout=subprocess.DEVNULL)
        verify(path, package)
        unpack(path, folder)


def verify(path: Path, package: Package) -> None:
    """Raises: ChecksumError when ``path`` does not have the digest of the release this code was written for."""
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != package.sha256:
        raise ChecksumError(f"{path} has the digest {found}, {package.name} {package.version} has {package.sha256}")


def unpack(path: Path, folder: Path) -> None:
    """A wheel or an npm package, its members below ``folder`` and nowhere else."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            wheel.extractall(folder)
    else:
        with tarfile.open(path) as package:
            package.extractall(folder, filter="data")


def _command(package: Package, folder: Path) -> list[str]:
    if package.registry == "npm":
        return ["npm", "pack", "--silent", "--pack-destination", str(folder), f"{package.name}@{package.version}"]
    wanted = f"{package.name}=={package.version}"
    return [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(folder), wanted]
