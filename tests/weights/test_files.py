"""None"""

from pathlib import Path

from vivace.weights.files import Digest, git_blob_of, sha256_of


def test_sha256(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"abc")  # FIPS 180-2, appendix B.1
    assert sha256_of(tmp_path / "x") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_git_blob(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello\n")  # `echo hello | git hash-object --stdin`
    assert git_blob_of(tmp_path / "x") == "ce013625030ba8dba906f756967f9e9ca394464a"


def test_a_digest_knows_its_kind(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"hello\n")
    assert Digest("git", "").of(tmp_path / "x") == git_blob_of(tmp_path / "x")
    assert Digest("sha256", "").of(tmp_path / "x") == sha256_of(tmp_path / "x")
    assert str(Digest("git", "ce01")) == "git:ce01"
