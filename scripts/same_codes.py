"""Speak 24 requests by the embedded voice on every CPU kind that this machine can run, and compare the codes.

    python scripts/same_codes.py                # every kind, in processes of their own; exit code 1 on a difference
    python scripts/same_codes.py --kind avx2    # one kind: a line per request, its codes' fingerprint

They are spoken in int8, which is exact on every kind, alone, as streams and in batches. Torch and oneDNN are told to
use AVX2 beside the kinds below AVX-512, as on a CPU that has no more. The frames and samples made of the codes are
torch's, whose last bits differ between kinds.
"""

import argparse
import hashlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from scripts import same_sound  # noqa: E402
from vivace import TTS  # noqa: E402
from vivace.engine.protocols import FramePart, FrameStage, FrameStream  # noqa: E402
from vivace.errors import TTSError  # noqa: E402

NARROW = {"ATEN_CPU_CAPABILITY": "avx2", "ONEDNN_MAX_CPU_ISA": "AVX2"}
WIDE_KINDS = ("avx512vnni", "amx")


class CodeRecorder:
    """A ``FrameStage`` that also keeps the codes of every stream."""

    def __init__(self, stage: FrameStage) -> None:
        self._stage = stage
        self.codes: dict[int, list[bytes]] = {}
        self._streams: list[FrameStream] = []  # held, so that no id is used twice

    def open(self, context: object) -> FrameStream:
        self._streams.append(self._stage.open(context))
        return self._streams[-1]

    def decode(self, parts: Sequence[FramePart]) -> list[NDArray[np.float32] | TTSError]:
        for part in parts:
            self.codes.setdefault(id(part.stream), []).append(part.codes.cpu().numpy().tobytes())
        return self._stage.decode(parts)

    def fingerprint(self) -> str:
        """Of all codes since the last call; the order of streams in a batch does not matter."""
        streams = sorted(b"".join(chunks) for chunks in self.codes.values())
        self.codes, self._streams = {}, []
        return f"{sum(map(len, streams)):>8} {hashlib.sha256(b'|'.join(streams)).hexdigest()[:32]}"


def recorded(tts: TTS) -> CodeRecorder:
    """Record the codes of everything that ``tts`` speaks from now on."""
    make = tts.family.frame_stage
    made: list[CodeRecorder] = []

    def frame_stage(lookahead: int | None = None) -> CodeRecorder:
        made.append(CodeRecorder(make(lookahead)))
        return made[-1]

    tts.family.frame_stage = frame_stage  # type: ignore[method-assign]
    tts.synthesize("Hi.", seed=0)
    made[0].fingerprint()
    return made[0]


TEXTS = (
    "Yes.",
    "Please call 555-0142 before noon, or write to us.",
    "你明天下午有空跟我一起去看电影吗？",
    "第3章一共有128页，价格是¥45.50。",
    "Was it a car or a cat I saw? No, no, no!",
)


def requests(tts: TTS) -> dict[str, Callable[[], object]]:
    """24 requests by name."""
    made: dict[str, Callable[[], object]] = {
        name: lambda make=make: list(make())  # type: ignore[misc]
        for name, make in same_sound.embedded_cases(tts)
    }
    for index, text in enumerate(TEXTS):
        for voice in ("vivienne", "marcel"):
            made[f"{voice} {index}"] = partial(tts.synthesize, text, voice=voice, seed=index)
    made["batch of 9"] = partial(tts.synthesize_batch, [*TEXTS, *TEXTS[:4]], seed=2)
    return made


def one_kind(kind: str) -> None:
    """Print a line for each request: bytes of codes, fingerprint, name."""
    with tempfile.TemporaryDirectory() as folder:
        config = same_sound.config(paths={"voices_dir": folder}, cpu_kind=kind, precision="int8")
        with TTS(config=config) as tts:
            recorder = recorded(tts)
            for name, make in requests(tts).items():
                make()
                print(recorder.fingerprint(), name, flush=True)


def run(kind: str) -> list[str]:
    """The lines of a kind, spoken in a process of its own."""
    narrow = {} if kind in WIDE_KINDS else NARROW
    command = [sys.executable, __file__, "--kind", kind]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **narrow})
    return done.stdout.splitlines()


def main() -> int:
    """Parse, speak, compare."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", help="one CPU kind, in this process")
    chosen = parser.parse_args().kind
    if chosen:
        one_kind(chosen)
        return 0
    from vivace.layers.native.build import install
    from vivace.layers.native.kernels import Kernels

    library = install()
    if library is None:
        print("needs a C compiler", file=sys.stderr)
        return 1
    kinds = Kernels(library).kinds
    found = {kind: run(kind) for kind in kinds}
    differing = [line for lines in zip(*found.values(), strict=True) if len(set(lines)) > 1 for line in lines[:1]]
    print("\n".join(f"{line}{'  differs' if line in differing else ''}" for line in found[kinds[0]]))
    print(f"{len(found[kinds[0]])} requests on {', '.join(kinds)}: {len(differing)} differ")
    return bool(differing)


if __name__ == "__main__":
    sys.exit(main())
