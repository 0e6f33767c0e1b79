"""A converted GPT-SoVITS file in memory, and the names of its tensors. Source: appendix A of the model facts."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from vivace.errors import WeightsError
from vivace.layers.meta_init import meta_init
from vivace.models.gpt_sovits.checkpoint.config import s1_config, s2_config
from vivace.models.gpt_sovits.reference.eres2net import SpeakerNetwork, SpeakerSizes
from vivace.models.gpt_sovits.reference.hubert import HUBERT_KEYS, Hubert, HubertSizes
from vivace.models.gpt_sovits.s2.condition import MEL_VERSIONS, FlowMatchingModel
from vivace.models.gpt_sovits.s2.vits import VitsModel
from vivace.models.gpt_sovits.t2s.bert import BERT_KEYS, Bert, BertSizes
from vivace.models.gpt_sovits.t2s.model import S1_KEYS, S1Model
from vivace.weights.keymap import KeyMap
from vivace.weights.load import ModulePart
from vivace.weights.tensor_file import TensorInfo, read_header

_SHARED = (
    (r"(enc_p\..+\.norm_layers_[12]\.\d+)\.gamma", r"\1.weight"),
    (r"(enc_p\..+\.norm_layers_[12]\.\d+)\.beta", r"\1.bias"),
    (r"ref_enc\.spectral\.0\.fc\.(.+)", r"ref_enc.spectral_in.\1"),
    (r"ref_enc\.spectral\.3\.fc\.(.+)", r"ref_enc.spectral_out.\1"),
    (r"ref_enc\.temporal\.(\d)\.conv1\.conv\.(.+)", r"ref_enc.temporal.\1.\2"),
    (r"ref_enc\.slf_attn\.w_qs\.(.+)", r"ref_enc.query.\1"),
    (r"ref_enc\.slf_attn\.w_ks\.(.+)", r"ref_enc.key.\1"),
    (r"ref_enc\.slf_attn\.w_vs\.(.+)", r"ref_enc.value.\1"),
    (r"ref_enc\.slf_attn\.fc\.(.+)", r"ref_enc.attended.\1"),
    (r"ref_enc\.fc\.fc\.(.+)", r"ref_enc.project.\1"),
    (r"ssl_proj\.(.+)", r"quantizer.ssl_proj.\1"),
    (r"quantizer\.vq\.layers\.0\._codebook\.embed", "quantizer.codebook"),
)
# Couplings stand at even places of the file's list; what stands between them has no weights.
_COUPLINGS = tuple((rf"flow\.flows\.{2 * i}\.(.+)", rf"flow.couplings.{i}.\1") for i in range(8))
_PRO = ((r"(sv_emb|prelu|ge_to512)\.(.+)", r"speaker.\1.\2"),)
_FOLDED = ((r"(dec\..+)", r"\1.weight"), *((rule, new + ".weight") for rule, new in _COUPLINGS))

VITS_KEYS = KeyMap(rules=_SHARED + _COUPLINGS + _PRO, weight_norm=_FOLDED)
_FLOW_NETWORK = tuple(
    (rf"cfm\.estimator\.{old}", rf"estimator.{new}")
    for old, new in (
        (r"text_embed\.(text_blocks\.\d+)\.grn\.(gamma|beta)", r"\1.grn_\2"),
        (r"text_embed\.(.+)", r"\1"),
        (r"input_embed\.proj\.(.+)", r"proj_in.\1"),
        (r"input_embed\.conv_pos_embed\.conv1d\.(.+)", r"conv_pos.\1"),
        (r"rotary_embed\.inv_freq", "inv_freq"),
        (r"transformer_blocks\.(\d+)\.attn_norm\.linear\.(.+)", r"blocks.\1.modulation.\2"),
        (r"transformer_blocks\.(\d+)\.attn\.to_out\.0\.(.+)", r"blocks.\1.attn.to_out.\2"),
        (r"transformer_blocks\.(\d+)\.ff\.ff\.0\.0\.(.+)", r"blocks.\1.ff_in.\2"),
        (r"transformer_blocks\.(\d+)\.ff\.ff\.2\.(.+)", r"blocks.\1.ff_out.\2"),
        (r"transformer_blocks\.(.+)", r"blocks.\1"),
        (r"norm_out\.linear\.(.+)", r"modulation_out.\1"),
        (r"(.+)", r"\1"),
    )
)
_BRIDGE = ((r"bridge\.0\.(.+)", r"bridge.\1"),)
FLOW_MATCHING_KEYS = KeyMap(rules=_SHARED + _BRIDGE + _FLOW_NETWORK, weight_norm=((r"(wns1\..+)", r"\1.weight"),))


SETTINGS = "gpt_sovits.json"  # sizes and version of a converted checkpoint
VITS_VERSIONS = ("v1", "v2", "v2Pro", "v2ProPlus")


def read_settings(root: Path) -> dict[str, Any]:
    """The settings that the conversion wrote into a checkpoint. Raises: WeightsError when it is missing or damaged."""
    file = root / SETTINGS
    try:
        settings = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as exc:
        raise WeightsError(f"{file} cannot be read ({exc}); convert the checkpoint again") from exc
    if not isinstance(settings, dict) or settings.get("version") not in (*MEL_VERSIONS, *VITS_VERSIONS):
        raise WeightsError(f"{file} names no version that is known; convert the checkpoint again")
    return settings


def build_s1(file: Path, sizes: Mapping[str, Any]) -> tuple[S1Model, ModulePart]:
    """Lay out the S1 model of ``file`` without its weights, and say what fills it.

    Args:
        sizes: what the file does not tell, as the conversion wrote it.
    Raises: WeightsError when the file is no S1 model.
    """
    config = s1_config(file, read_header(file), sizes)
    with meta_init():
        model = S1Model(config)
    return model, ModulePart(model, file, S1_KEYS)


def build_vits(file: Path, sizes: Mapping[str, Any]) -> tuple[VitsModel, ModulePart]:
    """The same for an S2 model of v1, v2, v2Pro or v2ProPlus."""
    config = s2_config(file, read_header(file), sizes)
    with meta_init():
        model = VitsModel(config)
    return model, ModulePart(model, file, VITS_KEYS)


def build_flow_matching(file: Path, sizes: Mapping[str, Any], version: str) -> tuple[FlowMatchingModel, ModulePart]:
    """The same for an S2 model of ``version`` v3 or v4."""
    config = s2_config(file, read_header(file), sizes)
    with meta_init():
        model = FlowMatchingModel(config, MEL_VERSIONS[version])
    return model, ModulePart(model, file, FLOW_MATCHING_KEYS)


def build_speaker(file: Path) -> tuple[SpeakerNetwork, ModulePart]:
    """The same for the speaker network of v2Pro and v2ProPlus."""
    sizes = SpeakerSizes.of(_header(file, "layer4.0.conv3.weight"))
    with meta_init():
        network = SpeakerNetwork(sizes)
    return network, ModulePart(network, file)


def build_hubert(file: Path) -> tuple[Hubert, ModulePart]:
    """The same for HuBERT, the encoder of recordings."""
    sizes = HubertSizes.of(_header(file, "encoder.pos_conv_embed.conv.weight"))
    with meta_init():
        network = Hubert(sizes)
    return network, ModulePart(network, file, HUBERT_KEYS)


def build_bert(file: Path) -> tuple[Bert, ModulePart]:
    """The same for the network that reads Chinese."""
    sizes = BertSizes.of(_header(file, "embeddings.word_embeddings.weight"))
    with meta_init():
        network = Bert(sizes)
    return network, ModulePart(network, file, BERT_KEYS)


def _header(file: Path, landmark: str) -> dict[str, TensorInfo]:
    header = read_header(file)
    if landmark not in header:
        raise WeightsError(f"{file} has no {landmark}; convert the checkpoint again")
    return header
