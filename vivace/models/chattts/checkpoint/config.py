"""Sizes and habits of a ChatTTS checkpoint."""

import json
from dataclasses import dataclass, field, fields, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar, get_type_hints

from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.types import Precision

S = TypeVar("S")


@dataclass(frozen=True)
class GPTConfig:
    """The Llama decoder; names as in ``gpt/config.json``."""

    hidden_size: int = 768
    intermediate_size: int = 3072
    num_attention_heads: int = 12
    num_hidden_layers: int = 20
    max_position_embeddings: int = 4096
    num_audio_tokens: int = 626  # 625 codewords and the end code
    num_text_tokens: int = 21178
    num_vq: int = 4  # codebooks
    rms_norm_eps: float = 1e-6
    rope_theta: float = 10_000.0


@dataclass(frozen=True)
class StackConfig:
    """A ConvNeXt stack of the DVAE or the Decoder."""

    idim: int
    odim: int
    hidden: int
    n_layer: int = 12
    bn_dim: int = 128


@dataclass(frozen=True)
class QuantizerConfig:
    """The grouped residual quantizer."""

    dim: int = 1024
    levels: tuple[int, ...] = (5, 5, 5, 5)
    G: int = 2  # groups
    R: int = 2  # residual stages


@dataclass(frozen=True)
class DVAEConfig:
    """Codes to mel and mel to codes."""

    encoder: StackConfig = StackConfig(idim=512, odim=1024, hidden=256)
    decoder: StackConfig = StackConfig(idim=512, odim=512, hidden=256)
    vq: QuantizerConfig = QuantizerConfig()


@dataclass(frozen=True)
class VocosBackbone:
    """The vocoder's ConvNeXt backbone."""

    input_channels: int = 100
    dim: int = 512
    intermediate_dim: int = 1536
    num_layers: int = 8


@dataclass(frozen=True)
class VocosConfig:
    """The vocoder's sizes; its spectrogram is the family's (24 kHz, 1024, 256)."""

    backbone: VocosBackbone = VocosBackbone()


@dataclass(frozen=True)
class CheckpointDefaults:
    """Defaults that a checkpoint sets for the code that drives it; these are the published model's."""

    text: Literal["characters", "phones"] = "characters"  # what its tokenizer reads
    languages: tuple[str, ...] = ("zh", "en")
    default_voice: str = "seed:2"  # a voice's name, or the seed of a random speaker
    code_prompt: str = "[speed_5]"  # stands before the text of every code prompt
    refine: bool = True  # has a text head that can rewrite
    carry_over: bool = True  # later pieces take the first piece as their recording
    max_piece_units: int = 120  # phone units one generation speaks
    syllable_units: int = 2  # that a syllable counts of these
    temperature: float = 0.3  # what it speaks best with
    top_p: float = 0.7
    top_k: int = 20
    repetition_penalty: float = 1.05
    end_codebooks: tuple[int, ...] | None = None  # those that may end the speech; None: any of them
    guided_layers: tuple[int, ...] = ()  # whose last head follows the text; none: no head is known to
    mel_floor: float | None = None  # natural log: below it the Decoder was not trained; None: everywhere it was
    mel_gate: float | None = None  # natural log: a frame all of whose bands are below is a pause; None: none is
    frames_per_unit: float = 12.0  # more code frames a phone unit than this is not speech any more
    least_frames_per_unit: float = 1.8  # fewer on the average of a piece, and something was skipped
    tags: tuple[str, ...] | None = None  # control tags it was trained on; None: all of its tokenizer
    precision: Precision = "float32"  # its language model's matrices, in the files


@dataclass(frozen=True)
class ChatTTSConfig:
    """All sizes; the defaults are those of ``2Noise/ChatTTS``."""

    gpt: GPTConfig = GPTConfig()
    decoder: StackConfig = StackConfig(idim=384, odim=384, hidden=512)
    dvae: DVAEConfig | None = DVAEConfig()
    vocos: VocosConfig = VocosConfig()
    spk_stat: str | None = None  # speaker statistics as a base16384 string; None: the published ones, where they fit
    vivace: CheckpointDefaults = field(default_factory=CheckpointDefaults)


def _merge(default: S, given: dict[str, Any]) -> S:
    """``default`` with the fields that ``given`` names; unknown fields belong to other programs and are ignored."""
    changes: dict[str, Any] = {}
    for item in fields(default):  # type: ignore[arg-type]
        if item.name not in given:
            continue
        value, current = given[item.name], getattr(default, item.name)
        if is_dataclass(current) and isinstance(value, dict):
            value = _merge(current, value)
        elif isinstance(value, list):
            value = tuple(value)
        changes[item.name] = value
    return replace(default, **changes)  # type: ignore[type-var]


def _check(config: object, where: Path, prefix: str = "") -> None:
    """Every whole number must be one, and positive: a wrong type here would be an unreadable error later."""
    hints = get_type_hints(type(config))
    for item in fields(config):  # type: ignore[arg-type]
        value = getattr(config, item.name)
        if is_dataclass(value):
            _check(value, where, f"{prefix}{item.name}.")
        elif hints[item.name] is int and (not isinstance(value, int) or value < 1):
            raise WeightsError(f"{where}: {prefix}{item.name} is {value!r}; give a positive whole number")


def _read_json(path: Path) -> dict[str, Any]:
    try:
        loaded = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise WeightsError(f"{path} is not a readable JSON file ({exc}); fetch the checkpoint again") from exc
    if not isinstance(loaded, dict):
        raise WeightsError(f"{path} holds a {type(loaded).__name__}, not an object; fetch the checkpoint again")
    return loaded


def read_config(root: Path) -> ChatTTSConfig:
    """Sizes of the checkpoint under ``root``.

    ``asset/gpt/config.json`` gives the language model's; one ``*config.json`` beside ``asset/``, grouped as the
    reference groups its settings, gives all others where they differ from the published model's.
    Raises: WeightsError when a file is missing, unreadable or makes no sense.
    """
    gpt_file = root / "asset" / "gpt" / "config.json"
    if not gpt_file.is_file():
        raise WeightsNotFoundError(f"{gpt_file} is missing; a ChatTTS checkpoint has it: is {root} one?")
    config = ChatTTSConfig()
    extra = sorted(root.glob("*config.json"))
    if len(extra) > 1:
        raise WeightsError(f"{root} has several configurations ({', '.join(p.name for p in extra)}); keep one")
    if extra:
        given = _read_json(extra[0])
        config = _merge(config, given)
        if given.get("dvae", "") is None:
            config = replace(config, dvae=None)
    config = replace(config, gpt=_merge(config.gpt, _read_json(gpt_file)))
    where = extra[0] if extra else gpt_file
    _check(config, where)
    may_end = config.vivace.end_codebooks
    if may_end is not None and not (may_end and {*may_end} <= {*range(config.gpt.num_vq)}):
        books = f"one or more of 0 to {config.gpt.num_vq - 1}, or null for all"
        raise WeightsError(f"{where}: vivace.end_codebooks is {may_end}; name {books}")
    guided = config.vivace.guided_layers
    if guided and not (config.vivace.text == "phones" and {*guided} <= {*range(config.gpt.num_hidden_layers)}):
        layers = f"layers from 0 to {config.gpt.num_hidden_layers - 1} of a model that reads phones, or none"
        raise WeightsError(f"{where}: vivace.guided_layers is {guided}; name {layers}")
    return config


def has_dvae(root: Path) -> bool:
    """Whether a configuration beside ``asset/`` leaves the DVAE in. Raises: WeightsError when one is damaged."""
    for config in root.glob("*config.json"):
        try:
            if json.loads(config.read_text(encoding="utf-8")).get("dvae", {}) is None:
                return False
        except (OSError, ValueError, AttributeError) as exc:
            raise WeightsError(f"{config} is damaged ({exc}); fetch it again") from exc
    return True
