"""GPT-SoVITS checkpoints of the published sizes with random weights: for timings, where the numbers do not matter."""

import json
import math
from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from vivace.vocoder.bigvgan import low_pass
from vivace.weights.tensor_file import write_tensors

Shapes = dict[str, tuple[int, ...]]
Item = tuple[str, tuple[int, ...]]
DEEP, WIDTH, STYLE = 192, 768, 512  # channels of the content encoder, its MLP, and of what it attends to text in


def s1_shapes(phones: int = 732, layers: int = 24, width: int = 512) -> Shapes:
    """Without the prefix ``model.``."""
    shapes: Shapes = {
        "bert_proj.weight": (width, 1024),
        "bert_proj.bias": (width,),
        "ar_text_embedding.word_embeddings.weight": (phones, width),
        "ar_text_position.alpha": (1,),
        "ar_audio_embedding.word_embeddings.weight": (1025, width),
        "ar_audio_position.alpha": (1,),
        "ar_predict_layer.weight": (1025, width),
    }
    for i in range(layers):
        layer = f"h.layers.{i}"
        shapes |= {
            f"{layer}.self_attn.in_proj_weight": (3 * width, width),
            f"{layer}.self_attn.in_proj_bias": (3 * width,),
        }
        shapes |= dict(_dense(f"{layer}.self_attn.out_proj", width, width))
        shapes |= dict(_dense(f"{layer}.linear1", 4 * width, width)) | dict(
            _dense(f"{layer}.linear2", width, 4 * width)
        )
        shapes |= {f"{layer}.norm{n}.{end}": (width,) for n in (1, 2) for end in ("weight", "bias")}
    return shapes


def s2_shapes(version: str) -> Shapes:
    """Without the posterior encoder and training state."""
    pro = version.startswith("v2Pro")
    style = 1024 if pro else STYLE
    shapes: Shapes = dict(_content_encoder(322 if version == "v1" else 732))
    shapes |= dict(_style_encoder(1025 if version == "v1" else 704, style))
    shapes |= dict(_dense("ssl_proj", 768, 768, 2))
    shapes["quantizer.vq.layers.0._codebook.embed"] = (1024, 768)
    if version in ("v3", "v4"):
        return shapes | dict(_condition()) | dict(_flow_network())
    plus = version == "v2ProPlus"
    shapes |= dict(_flow(style)) | dict(decoder_shapes("dec.", DEEP, 768 if plus else 512, 20 if plus else 16, style))
    if pro:
        shapes |= dict(_dense("sv_emb", style, 20480)) | dict(_dense("ge_to512", STYLE, style))
        shapes["prelu.weight"] = (style,)
    return shapes


def decoder_shapes(prefix: str, channels: int, initial: int, first_kernel: int, style: int) -> Iterator[Item]:
    """A HiFi-GAN with weight-normalized layers."""
    yield from _dense(f"{prefix}conv_pre", initial, channels, 7)
    yield from _dense(f"{prefix}cond", initial, style, 1)
    width = initial
    for i, kernel in enumerate((first_kernel, 16, 8, 2, 2)):
        yield f"{prefix}ups.{i}.weight_g", (width, 1, 1)
        yield f"{prefix}ups.{i}.weight_v", (width, width // 2, kernel)
        yield f"{prefix}ups.{i}.bias", (width // 2,)
        width //= 2
        for j, block_kernel in enumerate((3, 7, 11)):
            for convs in ("convs1", "convs2"):
                for k in range(3):
                    yield from _normed(f"{prefix}resblocks.{3 * i + j}.{convs}.{k}", width, width, block_kernel)
    yield f"{prefix}conv_post.weight", (1, width, 7)


def hifigan_shapes() -> Iterator[Item]:
    """The v4 vocoder, its weights folded."""
    yield from _dense("conv_pre", 512, 100, 7)
    width = 512
    for i, kernel in enumerate((20, 12, 4, 4, 4)):
        yield f"ups.{i}.weight", (width, width // 2, kernel)
        yield f"ups.{i}.bias", (width // 2,)
        width //= 2
        for j, block_kernel in enumerate((3, 7, 11)):
            for convs in ("convs1", "convs2"):
                for k in range(3):
                    yield from _dense(f"resblocks.{3 * i + j}.{convs}.{k}", width, width, block_kernel)
    yield from _dense("conv_post", 1, width, 7)


def bigvgan_shapes() -> Iterator[Item]:
    """The v3 vocoder, without its filters."""
    yield from _normed("conv_pre", 1536, 100, 7)
    width = 1536
    for i, kernel in enumerate((8, 8, 4, 4, 4, 4)):
        yield f"ups.{i}.0.weight_g", (width, 1, 1)
        yield f"ups.{i}.0.weight_v", (width, width // 2, kernel)
        yield f"ups.{i}.0.bias", (width // 2,)
        width //= 2
        for j, block_kernel in enumerate((3, 7, 11)):
            block = f"resblocks.{3 * i + j}"
            for k in range(3):
                yield from _normed(f"{block}.convs1.{k}", width, width, block_kernel)
                yield from _normed(f"{block}.convs2.{k}", width, width, block_kernel)
            for k in range(6):
                yield from _snake(f"{block}.activations.{k}", width)
    yield from _snake("activation_post", width)
    yield "conv_post.weight_g", (1, 1, 1)
    yield "conv_post.weight_v", (1, width, 7)


def hubert_shapes() -> Iterator[Item]:
    """HuBERT base, without the mask's embedding."""
    for i, kernel in enumerate((10, 3, 3, 3, 3, 2, 2)):
        yield f"feature_extractor.conv_layers.{i}.conv.weight", (512, 512 if i else 1, kernel)
    yield from _norm("feature_extractor.conv_layers.0.layer_norm", 512)
    yield from _norm("feature_projection.layer_norm", 512)
    yield from _dense("feature_projection.projection", 768, 512)
    yield "encoder.pos_conv_embed.conv.weight_g", (1, 1, 128)
    yield "encoder.pos_conv_embed.conv.weight_v", (768, 48, 128)
    yield "encoder.pos_conv_embed.conv.bias", (768,)
    yield from _norm("encoder.layer_norm", 768)
    for i in range(12):
        layer = f"encoder.layers.{i}"
        for name in "qkv":
            yield from _dense(f"{layer}.attention.{name}_proj", 768, 768)
        yield from _dense(f"{layer}.attention.out_proj", 768, 768)
        yield from _norm(f"{layer}.layer_norm", 768)
        yield from _dense(f"{layer}.feed_forward.intermediate_dense", 3072, 768)
        yield from _dense(f"{layer}.feed_forward.output_dense", 768, 3072)
        yield from _norm(f"{layer}.final_layer_norm", 768)


def speaker_shapes() -> Iterator[Item]:
    """ERes2NetV2, its trunk."""
    yield "conv1.weight", (64, 1, 3, 3)
    yield from _batch_norm("bn1", 64)
    inputs = 64
    for number, (planes, blocks) in enumerate(zip((64, 128, 256, 512), (3, 4, 6, 3), strict=True), start=1):
        width, outputs = planes * 24 // 64, 4 * planes
        for b in range(blocks):
            block = f"layer{number}.{b}"
            yield f"{block}.conv1.weight", (4 * width, inputs, 1, 1)
            yield from _batch_norm(f"{block}.bn1", 4 * width)
            for i in range(4):
                yield f"{block}.convs.{i}.weight", (width, width, 3, 3)
                yield from _batch_norm(f"{block}.bns.{i}", width)
            if number >= 3:
                for i in range(3):
                    yield from _fusion(f"{block}.fuse_models.{i}", width)
            yield f"{block}.conv3.weight", (outputs, 4 * width, 1, 1)
            yield from _batch_norm(f"{block}.bn3", outputs)
            if b == 0:
                yield f"{block}.shortcut.0.weight", (outputs, inputs, 1, 1)
                yield from _batch_norm(f"{block}.shortcut.1", outputs)
            inputs = outputs
    yield "layer3_ds.weight", (2048, 1024, 3, 3)
    yield from _fusion("fuse34", 2048)


def _content_encoder(symbols: int) -> Iterator[Item]:
    yield from _dense("enc_p.ssl_proj", DEEP, 768, 1)
    for name, layers in (("encoder_ssl", 3), ("encoder_text", 6), ("encoder2", 3)):
        for i in range(layers):
            attention, feed_forward = f"enc_p.{name}.attn_layers.{i}", f"enc_p.{name}.ffn_layers.{i}"
            for conv in ("conv_q", "conv_k", "conv_v", "conv_o"):
                yield from _dense(f"{attention}.{conv}", DEEP, DEEP, 1)
            yield f"{attention}.emb_rel_k", (1, 9, 96)
            yield f"{attention}.emb_rel_v", (1, 9, 96)
            yield from _dense(f"{feed_forward}.conv_1", WIDTH, DEEP, 3)
            yield from _dense(f"{feed_forward}.conv_2", DEEP, WIDTH, 3)
            for n in (1, 2):
                yield f"enc_p.{name}.norm_layers_{n}.{i}.gamma", (DEEP,)
                yield f"enc_p.{name}.norm_layers_{n}.{i}.beta", (DEEP,)
    yield "enc_p.text_embedding.weight", (symbols, DEEP)
    yield from _dense("enc_p.mrte.c_pre", STYLE, DEEP, 1)
    yield from _dense("enc_p.mrte.text_pre", STYLE, DEEP, 1)
    for conv in ("conv_q", "conv_k", "conv_v", "conv_o"):
        yield from _dense(f"enc_p.mrte.cross_attention.{conv}", STYLE, STYLE, 1)
    yield from _dense("enc_p.mrte.c_post", DEEP, STYLE, 1)
    yield from _dense("enc_p.proj", 2 * DEEP, DEEP, 1)


def _style_encoder(bins: int, style: int) -> Iterator[Item]:
    yield from _dense("ref_enc.spectral.0.fc", 128, bins)
    yield from _dense("ref_enc.spectral.3.fc", 128, 128)
    for i in range(2):
        yield from _dense(f"ref_enc.temporal.{i}.conv1.conv", 256, 128, 5)
    for name in ("w_qs", "w_ks", "w_vs", "fc"):
        yield from _dense(f"ref_enc.slf_attn.{name}", 128, 128)
    yield from _dense("ref_enc.fc.fc", style, 128)


def _flow(style: int) -> Iterator[Item]:
    for j in (0, 2, 4, 6):
        flow = f"flow.flows.{j}"
        yield from _dense(f"{flow}.pre", DEEP, DEEP // 2, 1)
        yield from _waves(f"{flow}.enc", DEEP, 4, style)
        yield from _dense(f"{flow}.post", DEEP // 2, DEEP, 1)


def _waves(prefix: str, channels: int, layers: int, style: int) -> Iterator[Item]:
    for i in range(layers):
        yield from _normed(f"{prefix}.in_layers.{i}", 2 * channels, channels, 5)
        yield from _normed(f"{prefix}.res_skip_layers.{i}", channels * (2 if i < layers - 1 else 1), channels, 1)
    yield from _normed(f"{prefix}.cond_layer", 2 * channels * layers, style, 1)


def _condition() -> Iterator[Item]:
    yield from _dense("bridge.0", 512, DEEP, 1)
    yield from _dense("wns1.pre", 512, 512, 1)
    yield from _waves("wns1.enc", 512, 8, STYLE)
    yield from _dense("wns1.proj", 512, 512, 1)


def _flow_network() -> Iterator[Item]:
    net, width, text = "cfm.estimator", 1024, 512
    for name in ("time_embed", "d_embed"):
        yield from _dense(f"{net}.{name}.time_mlp.0", width, 256)
        yield from _dense(f"{net}.{name}.time_mlp.2", width, width)
    for i in range(4):
        block = f"{net}.text_embed.text_blocks.{i}"
        yield from _dense(f"{block}.dwconv", text, 1, 7)
        yield from _norm(f"{block}.norm", text)
        yield from _dense(f"{block}.pwconv1", 2 * text, text)
        yield f"{block}.grn.gamma", (1, 1, 2 * text)
        yield f"{block}.grn.beta", (1, 1, 2 * text)
        yield from _dense(f"{block}.pwconv2", text, 2 * text)
    yield from _dense(f"{net}.input_embed.proj", width, 712)
    for i in (0, 2):
        yield from _dense(f"{net}.input_embed.conv_pos_embed.conv1d.{i}", width, 64, 31)
    for i in range(22):
        block = f"{net}.transformer_blocks.{i}"
        yield from _dense(f"{block}.attn_norm.linear", 6 * width, width)
        for name in ("to_q", "to_k", "to_v", "to_out.0"):
            yield from _dense(f"{block}.attn.{name}", width, width)
        yield from _dense(f"{block}.ff.ff.0.0", 2 * width, width)
        yield from _dense(f"{block}.ff.ff.2", width, 2 * width)
    yield from _dense(f"{net}.norm_out.linear", 2 * width, width)
    yield from _dense(f"{net}.proj_out", 100, width)


def _dense(name: str, outputs: int, *inputs: int) -> Iterator[Item]:
    yield f"{name}.weight", (outputs, *inputs)
    yield f"{name}.bias", (outputs,)


def _norm(name: str, width: int) -> Iterator[Item]:
    yield f"{name}.weight", (width,)
    yield f"{name}.bias", (width,)


def _normed(name: str, outputs: int, inputs: int, kernel: int) -> Iterator[Item]:
    yield f"{name}.weight_g", (outputs, 1, 1)
    yield f"{name}.weight_v", (outputs, inputs, kernel)
    yield f"{name}.bias", (outputs,)


def _batch_norm(name: str, width: int) -> Iterator[Item]:
    for end in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{end}", (width,)


def _snake(name: str, width: int) -> Iterator[Item]:
    yield f"{name}.act.alpha", (width,)
    yield f"{name}.act.beta", (width,)


def _fusion(name: str, width: int) -> Iterator[Item]:
    yield from _dense(f"{name}.local_att.0", width // 4, 2 * width, 1, 1)
    yield from _batch_norm(f"{name}.local_att.1", width // 4)
    yield from _dense(f"{name}.local_att.3", width, width // 4, 1, 1)
    yield from _batch_norm(f"{name}.local_att.4", width)


ROTARY = "cfm.estimator.rotary_embed.inv_freq"
POSITIONS = "encoder.pos_conv_embed.conv"  # HuBERT's; folded in converted files
ONES = ("weight", "gamma", "running_var", "original0", "alpha")  # of what has one dimension, or scales
BIGVGAN = {
    "resblock": "1",
    "num_mels": 100,
    "upsample_rates": [4, 4, 2, 2, 2, 2],
    "upsample_kernel_sizes": [8, 8, 4, 4, 4, 4],
    "upsample_initial_channel": 1536,
    "resblock_kernel_sizes": [3, 7, 11],
    "resblock_dilation_sizes": [[1, 3, 5]] * 3,
    "activation": "snakebeta",
    "snake_logscale": True,
    "use_tanh_at_final": False,
    "use_bias_at_final": False,
    "sampling_rate": 24_000,
}
S2_SIZES = {
    "heads": 2,
    "rates": [10, 8, 2, 2, 2],
    "block_kernels": [3, 7, 11],
    "dilations": [[1, 3, 5]] * 3,
}


def write_random_gpt_sovits(root: Path, version: str, *, seed: int = 0) -> Path:
    """Write a checkpoint of ``version`` in float16, as converted ones are, into the new folder ``root``; no BERT."""
    torch.manual_seed(seed)
    root.mkdir(parents=True)
    settings = {"version": version, "s1": {"heads": 16, "max_seconds": 54}, "s2": S2_SIZES, "hubert": {}}
    phones = 512 if version == "v1" else 732
    _write(root / "s1.safetensors", s1_shapes(phones).items())
    extra = {ROTARY: 10_000.0 ** (-torch.arange(0, 64, 2) / 64)} if version in ("v3", "v4") else {}
    _write(root / "s2.safetensors", s2_shapes(version).items(), extra)
    hubert = dict(hubert_shapes())
    hubert |= {f"{POSITIONS}.weight": hubert.pop(f"{POSITIONS}.weight_v")}
    del hubert[f"{POSITIONS}.weight_g"]
    _write(root / "hubert.safetensors", hubert.items())
    if version.startswith("v2Pro"):
        settings["speaker"] = {}
        counters = {
            key.replace("running_mean", "num_batches_tracked"): torch.zeros((), dtype=torch.long)
            for key, _ in speaker_shapes()
            if key.endswith("running_mean")
        }
        _write(root / "speaker.safetensors", speaker_shapes(), counters)
    if version in ("v3", "v4"):
        settings["vocoder"] = BIGVGAN if version == "v3" else {}
        shapes = dict(bigvgan_shapes() if version == "v3" else hifigan_shapes())
        filters = {
            key.replace("act.alpha", "upsample.filter"): low_pass()[None, None] for key in shapes if "alpha" in key
        }
        _write(root / "vocoder.safetensors", shapes.items(), filters)
    (root / "gpt_sovits.json").write_text(json.dumps(settings), encoding="utf-8")
    return root


def _write(file: Path, shapes: Iterable[Item], extra: dict[str, Tensor] | None = None) -> None:
    tensors = {
        key.replace(".weight_g", ".original0").replace(".weight_v", ".original1"): _random(key, shape)
        for key, shape in shapes
    }
    write_tensors(file, tensors | (extra or {}))


def _random(key: str, shape: tuple[int, ...]) -> Tensor:
    last = key.rpartition(".")[2]
    if len(shape) == 1 or last in ("gamma", "beta", "weight_g"):
        one = last in (*ONES, "weight_g") and not key.endswith("act.alpha")
        return torch.full(shape, 1.0 if one else 0.0, dtype=torch.float16)
    return (torch.rand(shape) * 2 - 1).mul_(math.sqrt(3 / math.prod(shape[1:]))).half()
