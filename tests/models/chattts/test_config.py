import json
from pathlib import Path

import pytest

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.chattts.checkpoint.config import read_config

GOLDENS = Path(__file__).parents[2] / "goldens" / "chattts" / "checkpoint"


def checkpoint(tmp_path: Path, gpt: str = "{}", extra: dict[str, str] | None = None) -> Path:
    (tmp_path / "asset" / "gpt").mkdir(parents=True)
    (tmp_path / "asset" / "gpt" / "config.json").write_text(gpt)
    for name, text in (extra or {}).items():
        (tmp_path / name).write_text(text)
    return tmp_path


def test_the_published_sizes_are_the_default(tmp_path: Path) -> None:
    config = read_config(checkpoint(tmp_path))
    assert (config.gpt.hidden_size, config.gpt.num_hidden_layers, config.gpt.num_text_tokens) == (768, 20, 21178)
    assert config.vivace.code_prompt == "[speed_5]"
    assert config.dvae is not None


def test_a_small_checkpoint_says_its_own_sizes() -> None:
    config = read_config(GOLDENS)
    assert (config.gpt.hidden_size, config.decoder.hidden, config.vocos.backbone.dim) == (96, 56, 64)
    assert config.dvae is not None
    assert config.dvae.vq.levels == (5, 5, 5, 5)


def test_a_checkpoint_may_do_without_a_dvae(tmp_path: Path) -> None:
    root = checkpoint(tmp_path, extra={"config.json": json.dumps({"dvae": None, "vivace": {"text": "phones"}})})
    config = read_config(root)
    assert config.dvae is None
    assert config.vivace.text == "phones"


@pytest.mark.parametrize(
    ("gpt", "extra", "message"),
    [
        ("{", {}, "readable JSON"),
        ("[]", {}, "holds a list"),
        ('{"hidden_size": "big"}', {}, "hidden_size is 'big'"),
        ("{}", {"config.json": '{"decoder": {"hidden": 0}}'}, "decoder.hidden is 0"),
        ("{}", {"config.json": "{}", "tiny_config.json": "{}"}, "several configurations"),
        (
            "{}",
            {"config.json": '{"vivace": {"end_codebooks": []}}'},
            r"end_codebooks is \(\); name one or more of 0 to 3",
        ),
        ("{}", {"config.json": '{"vivace": {"end_codebooks": [1, 4]}}'}, r"end_codebooks is \(1, 4\)"),
        (
            "{}",
            {"config.json": '{"vivace": {"text": "phones", "guided_layers": [20]}}'},
            r"\(20,\); name layers from 0 to 19",
        ),
        ("{}", {"config.json": '{"vivace": {"guided_layers": [2]}}'}, "guided_layers .* a model that reads phones"),
    ],
)
def test_nonsense_is_refused(tmp_path: Path, gpt: str, extra: dict[str, str], message: str) -> None:
    with pytest.raises(WeightsError, match=message):
        read_config(checkpoint(tmp_path, gpt, extra))


def test_a_folder_that_is_no_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(WeightsNotFoundError, match="is missing"):
        read_config(tmp_path)
