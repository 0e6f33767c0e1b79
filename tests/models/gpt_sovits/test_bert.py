"""Text features of Chinese characters."""

import json
from pathlib import Path

import pytest
import torch

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.gpt_sovits.checkpoint.convert import bert_part
from vivace.models.gpt_sovits.checkpoint.load import build_bert
from vivace.models.gpt_sovits.t2s.bert import Bert, BertSizes, CharacterTokenizer, text_features
from vivace.weights.load import load_modules
from vivace.weights.tensor_file import write_tensors

TOKENS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "你", "好", "a"]


@pytest.fixture
def tokenizer(tmp_path: Path) -> CharacterTokenizer:
    content: dict[str, object] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": None,
        "post_processor": None,
        "decoder": None,
        "model": {"type": "WordLevel", "vocab": {t: i for i, t in enumerate(TOKENS)}, "unk_token": "[UNK]"},
    }
    file = tmp_path / "tokenizer.json"
    file.write_text(json.dumps(content))
    return CharacterTokenizer(file)


@pytest.fixture
def bert() -> Bert:
    torch.manual_seed(0)
    return Bert(BertSizes(len(TOKENS), 512, 64, 96, 2)).eval().requires_grad_(False)


def test_one_token_per_character_between_the_marks(tokenizer: CharacterTokenizer) -> None:
    assert tokenizer.encode("你A龘") == [2, 4, 6, 1, 3]


def test_each_characters_feature_is_repeated_for_its_phones(bert: Bert, tokenizer: CharacterTokenizer) -> None:
    features = text_features(bert, tokenizer, "你好,", [2, 2, 1])
    states = bert(torch.tensor([tokenizer.encode("你好,")]))[0]
    assert features.shape == (5, 64)
    assert torch.equal(features, states[torch.tensor([1, 1, 2, 2, 3])])


def test_a_text_longer_than_the_network_takes_is_read_in_parts(bert: Bert, tokenizer: CharacterTokenizer) -> None:
    assert text_features(bert, tokenizer, "你好" * 300, [2] * 600).shape == (1200, 64)
    assert text_features(bert, tokenizer, "", []).shape == (0, 64)


def test_padding_changes_nothing(bert: Bert) -> None:
    alone = bert(torch.tensor([[2, 4, 3]]))
    padded = bert(torch.tensor([[2, 4, 3, 0, 0]]), torch.tensor([[True, True, True, False, False]]))
    torch.testing.assert_close(padded[:, :3], alone, atol=1e-5, rtol=0)


def test_a_published_file_is_read_whole(tmp_path: Path) -> None:
    """As the release names its tensors, in the older way of naming norms, too."""
    torch.manual_seed(0)
    shapes: dict[str, tuple[int, ...]] = {
        "embeddings.word_embeddings.weight": (7, 64),
        "embeddings.position_embeddings.weight": (512, 64),
        "embeddings.token_type_embeddings.weight": (2, 64),
        "embeddings.LayerNorm.gamma": (64,),
        "embeddings.LayerNorm.beta": (64,),
        "pooler.dense.weight": (64, 64),
    }
    for i in (0, 1, 22):
        layer = f"encoder.layer.{i}"
        for name in ("attention.self.query", "attention.self.key", "attention.self.value", "attention.output.dense"):
            shapes |= {f"{layer}.{name}.weight": (64, 64), f"{layer}.{name}.bias": (64,)}
        shapes |= {f"{layer}.intermediate.dense.weight": (96, 64), f"{layer}.intermediate.dense.bias": (96,)}
        shapes |= {f"{layer}.output.dense.weight": (64, 96), f"{layer}.output.dense.bias": (64,)}
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            shapes |= {f"{layer}.{name}.weight": (64,), f"{layer}.{name}.bias": (64,)}
    torch.save({f"bert.{key}": torch.randn(shape) for key, shape in shapes.items()}, tmp_path / "x.bin")
    write_tensors(tmp_path / "bert.safetensors", bert_part(tmp_path / "x.bin")[0])
    network, part = build_bert(tmp_path / "bert.safetensors")
    load_modules([part])
    assert len(network.layers) == 2
    assert network(torch.tensor([[2, 4, 3]])).shape == (1, 3, 64)


def test_what_is_missing_or_damaged_is_named(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="no tokenizer"):
        CharacterTokenizer(tmp_path / "none.json")
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(WeightsError, match="damaged"):
        CharacterTokenizer(tmp_path / "bad.json")
    write_tensors(tmp_path / "x.safetensors", {"a": torch.zeros(1)})
    with pytest.raises(WeightsError, match="word_embeddings"):
        build_bert(tmp_path / "x.safetensors")
