"""A YAML file describes a run; what does not fit is one line that says what to do."""

from pathlib import Path

import pytest

from vivace.errors import SettingsError
from vivace.train.vocoder.config import VocoderTraining, load_config

RECIPES = Path(__file__).parents[3] / "recipes" / "vocoder"
LEAST = "out: run\ndata: {folder: speech}\n"


def loaded(tmp_path: Path, text: str) -> VocoderTraining:
    file = tmp_path / "run.yaml"
    file.write_text(text, encoding="utf-8")
    return load_config(file)


def test_defaults_are_the_papers(tmp_path: Path) -> None:
    run = loaded(tmp_path, LEAST)
    assert (run.batch, run.data.crop_samples, run.loss.mel) == (16, 16_384, 45.0)
    assert (run.optimizer.learning_rate, run.optimizer.betas) == (2e-4, (0.9, 0.999))
    assert (run.model.dim, run.model.intermediate_dim, run.model.num_layers) == (512, 1536, 8)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("stepps: 10\n", "unknown key 'stepps'; did you mean 'steps'?"),
        (
            "optimizer: {learning_rat: 1}\n",
            "unknown key 'optimizer.learning_rat'; did you mean 'optimizer.learning_rate'?",
        ),
        ("batch: 0\n", "batch = 0: input should be greater than or equal to 1"),
        ("mel: {hop: 100}\n", "data.crop_samples = 16384 must be a multiple of mel.hop (100) above 1024"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, more: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        loaded(tmp_path, LEAST + more)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["out: run\ndata: {}\n", "out: run\ndata: {folder: a, corpus: b}\n"])
def test_a_folder_or_a_corpus(tmp_path: Path, text: str) -> None:
    with pytest.raises(SettingsError, match="data needs a folder or a corpus"):
        loaded(tmp_path, text)


def test_what_must_be_written_is_asked_for(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no 'data'; write it"):
        loaded(tmp_path, "out: run\n")


def test_the_recipes_are_configurations() -> None:
    recipes = sorted(RECIPES.glob("*.yaml"))
    assert len(recipes) >= 3
    for recipe in recipes:
        load_config(recipe)


def test_the_british_key_of_the_last_release_still_works(tmp_path: Path) -> None:
    with pytest.warns(DeprecationWarning, match="now 'optimizer'"):
        run = loaded(tmp_path, LEAST + "optimiser: {clip: 2.0}\n")
    assert run.optimizer.clip == 2.0
