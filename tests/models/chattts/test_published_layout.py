"""The published checkpoint itself cannot be fetched in a test; its files' names, shapes and sizes are known exactly."""

import json
import math
from dataclasses import asdict
from pathlib import Path
from shutil import copytree

import pytest
import torch

from vivace.bench.model_under_test import PUBLISHED, Shapes
from vivace.errors import WeightsMismatchError
from vivace.models.chattts.checkpoint import load
from vivace.models.chattts.checkpoint.config import ChatTTSConfig
from vivace.models.chattts.checkpoint.parts import load_chattts
from vivace.models.chattts.checkpoint.published import CHATTTS
from vivace.models.chattts.dvae import DVAE, SpectrogramDecoder
from vivace.models.chattts.gpt import Embeddings, Llama
from vivace.vocoder.weights import build_vocos
from vivace.weights.load import ModulePart, load_modules

GOLDENS = Path(__file__).parents[2] / "goldens" / "chattts" / "checkpoint"


def header(shapes: Shapes, metadata: dict[str, str] | None = None) -> bytes:
    """The head of a safetensors file with these float32 tensors."""
    rows: dict[str, object] = {"__metadata__": metadata} if metadata else {}
    offset = 0
    for name, shape in sorted(shapes.items()):
        size = 4 * math.prod(shape)
        rows[name] = {"dtype": "F32", "shape": shape, "data_offsets": [offset, offset + size]}
        offset += size
    text = json.dumps(rows, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    return len(text).to_bytes(8, "little") + text


def data_bytes(shapes: Shapes) -> int:
    return sum(4 * math.prod(shape) for shape in shapes.values())


@pytest.mark.parametrize("name", PUBLISHED)
def test_the_shapes_add_up_to_the_published_size(name: str) -> None:
    shapes = PUBLISHED[name]()
    metadata = {"format": "pt"} if "gpt" in name else None
    published = {file.path: file.size for file in CHATTTS.files}
    assert len(header(shapes, metadata)) + data_bytes(shapes) == published[name]


def sparse_files(root: Path) -> None:
    """The published files with all their names and nothing but holes for numbers."""
    for name, shapes in PUBLISHED.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        head = header(shapes())
        path.write_bytes(head)
        with path.open("r+b") as file:
            file.truncate(len(head) + data_bytes(shapes()))


def test_the_default_sizes_fit_the_published_files_tensor_by_tensor(tmp_path: Path) -> None:
    sparse_files(tmp_path)
    asset, config = tmp_path / "asset", ChatTTSConfig()
    assert config.dvae is not None
    with torch.device("meta"):
        parts = [
            ModulePart(Llama(config.gpt), asset / "gpt/model.safetensors", load.GPT_KEYS, ignore=load.GPT_UNUSED),
            ModulePart(Embeddings(config.gpt), asset / "Embed.safetensors", load.EMBED_KEYS),
            ModulePart(SpectrogramDecoder(config.decoder), asset / "Decoder.safetensors", load.DECODER_KEYS),
            ModulePart(DVAE(config.dvae), asset / "DVAE.safetensors", load.DVAE_KEYS, ignore=load.DVAE_UNUSED),
            # Planted: it fails the whole, before a number is read. It has to be all that fails.
            ModulePart(torch.nn.Linear(1, 1), asset / "Vocos.safetensors", ignore=(".*",)),
        ]
    parts.append(build_vocos(asset / "Vocos.safetensors", **asdict(config.vocos.backbone))[1])
    with pytest.raises(WeightsMismatchError) as caught:
        load_modules(parts)
    assert str(caught.value).count(": missing ") == 2
    assert "unexpected" not in str(caught.value)


def test_every_misfit_of_every_file_is_in_one_error(tmp_path: Path) -> None:
    root = copytree(GOLDENS, tmp_path / "checkpoint")
    config = json.loads((root / "tiny_config.json").read_text())
    config["decoder"]["hidden"] = 57
    config["vocos"]["backbone"]["num_layers"] = 4
    (root / "tiny_config.json").write_text(json.dumps(config))
    with pytest.raises(WeightsMismatchError) as caught:
        load_chattts(root)
    message = str(caught.value)
    assert "Decoder.safetensors" in message
    assert "Vocos.safetensors" in message
    assert "backbone.convnext.3" in message
