"""A converted GPT-SoVITS file in memory."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vivace.errors import WeightsError
from vivace.layers.unfilled import unfilled
from vivace.models.gpt_sovits.checkpoint import keymaps
from vivace.models.gpt_sovits.checkpoint.config import s1_config, s2_config
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork, SpeakerSizes
from vivace.models.gpt_sovits.reference.hubert import HUBERT_KEYS, Hubert, HubertSizes
from vivace.models.gpt_sovits.s2.condition import MEL_VERSIONS, FlowMatchingModel
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.bert import BERT_KEYS, Bert, BertSizes
from vivace.models.gpt_sovits.t2s.model import S1_KEYS, S1Model
from vivace.weights.load import Part
from vivace.weights.tensor_file import TensorInfo, read_header

SETTINGS = "gpt_sovits.json"  # sizes and version of a converted checkpoint
VITS_VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus")


def read_settings(root: Path) -> dict[str, Any]:
    """What the conversion wrote about a checkpoint. Raises: WeightsError when it is missing or damaged."""
    file = root / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise WeightsError(f"{file} cannot be read ({exc}); convert the checkpoint again") from exc
    if not isinstance(settings, dict) or settings.get("version") not in (*MEL_VERSIONS, *VITS_VERSIONS):
        raise WeightsError(f"{file} names no version that is known; convert the checkpoint again")
    return settings


def build_s1(file: Path, sizes: Mapping[str, Any]) -> tuple[S1Model, Part]:
    """Lay out the S1 model of ``file`` without its weights, and say what fills it.

    Args:
        sizes: what the file does not tell, as the conversion wrote it.
    Raises: WeightsError when the file is no S1 model.
    """
    config = s1_config(file, read_header(file), sizes)
    with unfilled():
        model = S1Model(config)
    return model, Part(model, file, S1_KEYS)


def build_vits(file: Path, sizes: Mapping[str, Any]) -> tuple[VitsModel, Part]:
    """The same for an S2 model of v1, v2, v2Pro or v2ProPlus."""
    config = s2_config(file, read_header(file), sizes)
    with unfilled():
        model = VitsModel(config)
    return model, Part(model, file, keymaps.VITS)


def build_flow_matching(file: Path, sizes: Mapping[str, Any], version: str) -> tuple[FlowMatchingModel, Part]:
    """The same for an S2 model of ``version`` v3 or v4."""
    config = s2_config(file, read_header(file), sizes)
    with unfilled():
        model = FlowMatchingModel(config, MEL_VERSIONS[version])
    return model, Part(model, file, keymaps.FLOW_MATCHING)


def build_speaker(file: Path) -> tuple[SpeakerNetwork, Part]:
    """The same for the speaker network of v2Pro and v2ProPlus."""
    sizes = SpeakerSizes.of(_header(file, "layer4.0.conv3.weight"))
    with unfilled():
        network = SpeakerNetwork(sizes)
    return network, Part(network, file)


def build_hubert(file: Path) -> tuple[Hubert, Part]:
    """The same for the network that hears recordings."""
    sizes = HubertSizes.of(_header(file, "encoder.pos_conv_embed.conv.weight"))
    with unfilled():
        network = Hubert(sizes)
    return network, Part(network, file, HUBERT_KEYS)


def build_bert(file: Path) -> tuple[Bert, Part]:
    """The same for the network that reads Chinese."""
    sizes = BertSizes.of(_header(file, "embeddings.word_embeddings.weight"))
    with unfilled():
        network = Bert(sizes)
    return network, Part(network, file, BERT_KEYS)


def _header(file: Path, landmark: str) -> dict[str, TensorInfo]:
    header = read_header(file)
    if landmark not in header:
        raise WeightsError(f"{file} has no {landmark}; convert the checkpoint again")
    return header
