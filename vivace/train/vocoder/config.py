"""Configuration of a vocoder training run, one YAML file. Defaults: the recipe of arXiv:2306.00814."""

import warnings
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, ValidationError, model_validator

from vivace.audio.mel import MelSpec
from vivace.errors import SettingsError
from vivace.settings.config import Group, UserPath
from vivace.settings.sources import explain, keys_of, read_file
from vivace.train.vocoder.losses import RESOLUTIONS, Resolution

Positive = Annotated[int, Field(ge=1)]
Weight = Annotated[float, Field(ge=0)]
Rate = Annotated[float, Field(gt=0)]
Decibels = Annotated[float, Field(le=0)]


class DataConfig(Group):
    """The recordings. Exactly one of ``folder`` and ``corpus``."""

    folder: UserPath | None = None  # recordings of any format, at any depth
    corpus: UserPath | None = None  # made by `python -m vivace.train corpus`
    held_out: Annotated[float, Field(gt=0, lt=1)] = 0.05  # of the recordings in ``folder``, at least one
    mels: UserPath | None = None  # predicted mels to copy from, see vivace/train/vocoder/dataset.py
    mel_floor: float | None = None  # natural log; the vocoder is never shown less
    crop_samples: Positive = 16_384
    level: Literal["random_peak", "recorded"] = "random_peak"
    peak_db: tuple[Decibels, Decibels] = (-6.0, -1.0)  # dBFS, where the random peak of a recording lies


class MelConfig(Group):
    """The spectrogram that the vocoder reads, as ``vivace.audio.mel.MelSpec``."""

    sample_rate: Positive = 24_000
    n_fft: Positive = 1024
    hop: Positive = 256
    n_mels: Positive = 100
    floor: Rate = 1e-5

    @property
    def spec(self) -> MelSpec:
        return MelSpec(self.sample_rate, self.n_fft, self.hop, self.n_mels, self.floor)


class ModelConfig(Group):
    """Sizes of the Vocos, and what it starts from."""

    dim: Positive = 512
    intermediate_dim: Positive = 1536
    num_layers: Positive = 8
    init_from: UserPath | None = None  # weights of a Vocos: Vocos.safetensors, a checkpoint, or a model's folder
    init_gain: Rate = 1.0  # how much louder than its mel those weights speak


class DiscriminatorConfig(Group):
    """Sizes of the discriminators."""

    periods: tuple[Positive, ...] = (2, 3, 5, 7, 11)
    period_width: Positive = 32
    resolutions: tuple[Resolution, ...] = RESOLUTIONS
    resolution_width: Positive = 32
    from_step: Annotated[int, Field(ge=0)] = 0  # before it there is no adversary


class LossConfig(Group):
    """How much each part of the generator's loss counts."""

    mel: Weight = 45.0
    adversarial: Weight = 1.0
    features: Weight = 1.0
    resolutions: Weight = 0.1  # of the multi-resolution discriminator in all of its losses
    stft: Weight = 0.0  # multi-resolution spectral distance; the paper does without


class OptimizerConfig(Group):
    """AdamW, a cosine to ``floor`` of the rate, clipped gradients; for both sides."""

    learning_rate: Rate = 2e-4
    ahead: Rate = 1.0  # times that rate for the discriminators, which a generator with a past would outrun
    betas: tuple[float, float] = (0.9, 0.999)
    weight_decay: Weight = 0.01
    warmup: Annotated[int, Field(ge=0)] = 0  # steps
    floor: Annotated[float, Field(ge=0, le=1)] = 0.0
    clip: Rate = 100.0  # norm of all gradients of one side


class VocoderTraining(Group):
    """One run."""

    out: UserPath  # a folder: checkpoints, log.jsonl, vocos.safetensors
    data: DataConfig
    mel: MelConfig = MelConfig()
    model: ModelConfig = ModelConfig()
    discriminators: DiscriminatorConfig = DiscriminatorConfig()
    loss: LossConfig = LossConfig()
    optimizer: OptimizerConfig = OptimizerConfig()
    steps: Positive = 1_000_000
    batch: Positive = 16  # crops at a time
    accumulate: Positive = 1  # times ``batch`` before a step is made
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None  # decay of the averaged weights
    seed: Annotated[int, Field(ge=0)] = 0
    device: str = "auto"
    threads: Positive | None = None  # of torch on the CPU
    precision: Literal["auto", "float32", "bfloat16"] = "auto"  # auto: whichever is measured to be faster
    log_every: Positive = 10  # steps
    evaluate_every: Positive = 1_000
    save_every: Positive = 1_000
    keep: Positive = 3  # checkpoints

    @model_validator(mode="before")
    @classmethod
    def _renamed(cls, given: object) -> object:
        if isinstance(given, dict) and "optimiser" in given and "optimizer" not in given:
            warnings.warn("the key 'optimiser' is now 'optimizer'", DeprecationWarning, stacklevel=2)
            return {"optimizer" if key == "optimiser" else key: value for key, value in given.items()}
        return given

    @model_validator(mode="after")
    def _fits(self) -> "VocoderTraining":
        if (self.data.folder is None) == (self.data.corpus is None):
            raise ValueError("data needs a folder or a corpus, one of the two")
        longest = max((self.mel.n_fft, *(r.n_fft for r in (*RESOLUTIONS, *self.discriminators.resolutions))))
        if self.data.crop_samples % self.mel.hop or self.data.crop_samples <= longest // 2:
            wanted = f"a multiple of mel.hop ({self.mel.hop}) above {longest // 2}"
            raise ValueError(f"data.crop_samples = {self.data.crop_samples} must be {wanted}")
        return self


def load_config(path: Path) -> VocoderTraining:
    """The run that a YAML file describes.

    Raises:
        SettingsError: it cannot be read, a key is unknown (the nearest known one is named), or a value does not fit.
    """
    try:
        return VocoderTraining(**read_file(path))
    except ValidationError as exc:
        raise SettingsError(_one_line(exc)) from exc


def _one_line(exc: ValidationError) -> str:
    first = exc.errors(include_url=False)[0]
    if not first["loc"]:  # about several values at once
        return first["msg"].removeprefix("Value error, ")
    if first["type"] == "missing":
        return f"the settings file has no {'.'.join(map(str, first['loc']))!r}; write it"
    return explain(exc, keys_of(VocoderTraining))
