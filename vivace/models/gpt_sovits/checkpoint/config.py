"""Sizes of GPT-SoVITS models, read off the headers of their files, so that unusual fine-tunes load too."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vivace.errors import WeightsError
from vivace.layers.hifigan import HiFiGANConfig
from vivace.models.gpt_sovits.t2s.model import S1Config
from vivace.weights.tensor_file import TensorInfo

Header = Mapping[str, TensorInfo]
HEAD_DIM = 64  # of the flow network, which is written nowhere


@dataclass(frozen=True)
class EncoderSizes:
    """The text and content encoder."""

    symbols: int
    features: int  # of a content frame, HuBERT's
    width: int
    heads: int
    hidden: int
    kernel: int
    content_layers: int
    text_layers: int
    joint_layers: int
    attention: int  # width in which content looks at text, and of the style that goes with it
    outputs: int  # mean and deviation together
    window: int  # relative positions on each side

    @property
    def latent(self) -> int:
        """Channels of the prior."""
        return self.outputs // 2


@dataclass(frozen=True)
class StyleSizes:
    """The style encoder."""

    bins: int  # of the spectrogram, the lowest ones
    hidden: int
    outputs: int


@dataclass(frozen=True)
class FlowSizes:
    """The coupling flow of the VITS versions."""

    hidden: int
    layers: int
    couplings: int
    kernel: int


@dataclass(frozen=True)
class MatchingSizes:
    """The flow-matching network of v3 and v4, and what prepares its condition."""

    condition: int  # width of the condition frames
    wave_layers: int
    wave_kernel: int
    mels: int
    width: int
    layers: int
    heads: int
    hidden: int
    text_layers: int
    conv_kernel: int
    conv_groups: int


@dataclass(frozen=True)
class S2Config:
    """Sizes of an S2 model: with a flow and a decoder (v1, v2, v2Pro, v2ProPlus) or with flow matching (v3, v4)."""

    codes: int
    encoder: EncoderSizes
    style: StyleSizes
    flow: FlowSizes | None = None
    decoder: HiFiGANConfig | None = None
    speaker: int = 0  # width of the speaker vector; 0: the version has none
    matching: MatchingSizes | None = None


def s1_config(file: Path, header: Header, sizes: Mapping[str, Any]) -> S1Config:
    """Raises: WeightsError when ``file`` is no S1 model."""
    read = _Reader(file, header)
    layers = read.count(r"h\.layers\.(\d+)\.norm1\.weight")
    hidden, width = read.shape("h.layers.0.linear1.weight")
    codes = read.shape("ar_predict_layer.weight")[0]
    return S1Config(
        width=width,
        heads=read.heads(sizes, width),
        layers=layers,
        hidden=hidden,
        phones=read.shape("ar_text_embedding.word_embeddings.weight")[0],
        codes=codes,
        bert=read.shape("bert_proj.weight")[1],
        max_seconds=int(sizes.get("max_seconds", 54)),
    )


def s2_config(file: Path, header: Header, sizes: Mapping[str, Any]) -> S2Config:
    """Raises: WeightsError when ``file`` is no S2 model."""
    read = _Reader(file, header)
    encoder = _encoder_sizes(read, sizes)
    hidden, bins = read.shape("ref_enc.spectral.0.fc.weight")
    style = StyleSizes(bins, hidden, read.shape("ref_enc.fc.fc.weight")[0])
    codes = read.shape("quantizer.vq.layers.0._codebook.embed")[0]
    if "bridge.0.weight" in header:
        return S2Config(codes, encoder, style, matching=_matching_sizes(read))
    flow_hidden, _, kernel = read.shape("flow.flows.0.enc.in_layers.0.original1")
    flow = FlowSizes(
        hidden=flow_hidden // 2,
        layers=read.count(r"flow\.flows\.0\.enc\.in_layers\.(\d+)\.bias"),
        couplings=sum(1 for key in header if re.fullmatch(r"flow\.flows\.\d+\.pre\.weight", key)),
        kernel=kernel,
    )
    speaker = read.shape("sv_emb.weight")[1] if "sv_emb.weight" in header else 0
    return S2Config(codes, encoder, style, flow, _decoder_sizes(read, sizes), speaker)


def _encoder_sizes(read: "_Reader", sizes: Mapping[str, Any]) -> EncoderSizes:
    width, features, _ = read.shape("enc_p.ssl_proj.weight")
    hidden, _, kernel = read.shape("enc_p.encoder_ssl.ffn_layers.0.conv_1.weight")
    heads = read.heads(sizes, width)
    attention = read.shape("enc_p.mrte.c_pre.weight")[0]

    def layers(name: str) -> int:
        return read.count(rf"enc_p\.{name}\.attn_layers\.(\d+)\.emb_rel_k")

    return EncoderSizes(
        symbols=read.shape("enc_p.text_embedding.weight")[0],
        features=features,
        width=width,
        heads=heads,
        hidden=hidden,
        kernel=kernel,
        content_layers=layers("encoder_ssl"),
        text_layers=layers("encoder_text"),
        joint_layers=layers("encoder2"),
        attention=attention,
        outputs=read.shape("enc_p.proj.weight")[0],
        window=read.shape("enc_p.encoder_ssl.attn_layers.0.emb_rel_k")[1] // 2,
    )


def _decoder_sizes(read: "_Reader", sizes: Mapping[str, Any]) -> HiFiGANConfig:
    initial, channels, _ = read.shape("dec.conv_pre.weight")
    rates = tuple(int(rate) for rate in sizes.get("rates", ()))
    if len(rates) != read.count(r"dec\.ups\.(\d+)\.bias"):
        raise WeightsError(f"{read.file} needs one upsampling rate per stage, not {list(rates)}; convert it again")
    return HiFiGANConfig(
        channels=channels,
        initial=initial,
        rates=rates,
        kernels=tuple(read.shape(f"dec.ups.{i}.original1")[2] for i in range(len(rates))),
        block_kernels=tuple(sizes["block_kernels"]),
        dilations=tuple(tuple(d) for d in sizes["dilations"]),
        post_bias="dec.conv_post.bias" in read.header,
        condition=read.shape("dec.cond.weight")[1],
    )


def _matching_sizes(read: "_Reader") -> MatchingSizes:
    block = "cfm.estimator.transformer_blocks.0"
    inner, width = read.shape(f"{block}.attn.to_q.weight")
    conv_width, per_group, conv_kernel = read.shape("cfm.estimator.input_embed.conv_pos_embed.conv1d.0.weight")
    return MatchingSizes(
        condition=read.shape("bridge.0.weight")[0],
        wave_layers=read.count(r"wns1\.enc\.in_layers\.(\d+)\.bias"),
        wave_kernel=read.shape("wns1.enc.in_layers.0.original1")[2],
        mels=read.shape("cfm.estimator.proj_out.weight")[0],
        width=width,
        layers=read.count(r"cfm\.estimator\.transformer_blocks\.(\d+)\.attn_norm\.linear\.weight"),
        heads=inner // HEAD_DIM,
        hidden=read.shape(f"{block}.ff.ff.0.0.weight")[0],
        text_layers=read.count(r"cfm\.estimator\.text_embed\.text_blocks\.(\d+)\.norm\.weight"),
        conv_kernel=conv_kernel,
        conv_groups=conv_width // per_group,
    )


@dataclass(frozen=True)
class _Reader:
    """A header, and errors that name its file."""

    file: Path
    header: Header

    def shape(self, key: str) -> tuple[int, ...]:
        if key not in self.header:
            raise WeightsError(f"{self.file} has no {key}; convert the model again, or name the right file")
        return self.header[key].shape

    def count(self, pattern: str) -> int:
        """One more than the largest number that the pattern's group takes."""
        numbers = [int(match[1]) for key in self.header if (match := re.fullmatch(pattern, key))]
        if not numbers:
            raise WeightsError(f"{self.file} has no layer {pattern!r}; convert the model again")
        return max(numbers) + 1

    def heads(self, sizes: Mapping[str, Any], width: int) -> int:
        heads = int(sizes.get("heads", 0))
        if heads < 1 or width % heads:
            raise WeightsError(f"{self.file} is said to have {heads} heads for a width of {width}; convert it again")
        return heads
