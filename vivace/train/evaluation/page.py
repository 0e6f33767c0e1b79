"""A page of a model's speech: spectrogram pictures and audio, the voice above its teacher."""

# N samples, F frames, M mel bins

import html
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from vivace.audio.files import write_audio
from vivace.audio.mel import log_mel
from vivace.models.chattts.dvae import MEL
from vivace.train.corpus.recording import SAMPLE_RATE, Samples, levelled
from vivace.train.evaluation.score import Row
from vivace.train.preset import MEL_FLOOR

STYLE = "body{font-family:sans-serif;max-width:70em;margin:2em auto}img{display:block;height:120px}table{font-size:80%}"


@dataclass(frozen=True, eq=False)
class Exhibit:
    """One sentence by a voice and by its teacher."""

    voice: str
    language: str
    text: str
    samples: Samples  # [N] at 24 kHz
    teacher: Samples


def write_picture(path: Path, samples: Samples) -> None:
    """The mel spectrogram of ``[N]`` as a PNG, low frequencies below, three pixels a frame's width."""
    from PIL import Image

    mel = log_mel(torch.from_numpy(np.ascontiguousarray(samples))[None], MEL)[0].clamp(MEL_FLOOR, 1.0).numpy()
    grey = (255 * (mel - MEL_FLOOR) / (1.0 - MEL_FLOOR)).astype(np.uint8)[::-1]  # [M, F]
    Image.fromarray(grey).save(path)


def write_page(folder: Path, exhibits: Sequence[Exhibit], rows: Sequence[Row]) -> None:
    """``folder/index.html`` with its pictures and recordings beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    parts = [
        f"<!doctype html><meta charset=utf-8><title>Voices</title><style>{STYLE}</style><h1>Voices</h1>",
        _table(rows),
    ]
    heading = ""
    for number, shown in enumerate(exhibits):
        if heading != (heading := f"{shown.voice}, {shown.language}"):
            parts.append(f"<h2>{heading}</h2>")
        parts.append(f"<h3>{html.escape(shown.text)}</h3>")
        for who, samples in (("voice", shown.samples), ("teacher", levelled(shown.teacher))):
            name = f"{number:03}-{who}"
            write_picture(folder / f"{name}.png", samples)
            write_audio(folder / f"{name}.ogg", samples, SAMPLE_RATE)
            parts.append(f"<p>{who}<img src={name}.png><audio controls preload=none src={name}.ogg></audio></p>")
    (folder / "index.html").write_text("\n".join(parts) + "\n", encoding="utf-8")


def _table(rows: Sequence[Row]) -> str:
    lines = ("".join(f"<td>{'' if row[name] is None else row[name]}" for row in rows) for name in rows[0])
    return (
        "<table>" + "".join(f"<tr><th>{name}{cells}" for name, cells in zip(rows[0], lines, strict=True)) + "</table>"
    )
