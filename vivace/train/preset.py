"""Sizes of a trained voice, and the configuration files of its checkpoint."""

from dataclasses import asdict, dataclass, replace

from vivace.models.chattts.checkpoint.config import (
    ChatTTSConfig,
    CheckpointDefaults,
    DVAEConfig,
    GPTConfig,
    QuantizerConfig,
    StackConfig,
    VocosBackbone,
    VocosConfig,
)
from vivace.train.corpus.dataset import vocabulary
from vivace.train.corpus.prosody import PACES, PAUSES_S

Json = dict[str, object]

MEL_FLOOR = -7.0  # natural log; what is below is silence, however deep, and not worth learning
MEL_GATE = -2.0  # a frame all of whose bands are below is a pause: about one in twenty of a speech


@dataclass(frozen=True)
class Preset:
    """All sizes of one voice, and who speaks it."""

    sizes: ChatTTSConfig
    speakers: tuple[str, ...]  # teacher names, in the order of the speaker table


def _chattts(
    width: int,
    layers: int,
    heads: int,
    inner: int,
    stack: StackConfig,
    dvae: DVAEConfig,
    vocos: VocosBackbone,
    guided_layers: tuple[int, ...],
) -> ChatTTSConfig:
    gpt = GPTConfig(
        hidden_size=width,
        intermediate_size=inner,
        num_attention_heads=heads,
        num_hidden_layers=layers,
        num_text_tokens=len(vocabulary()),
    )
    habits = CheckpointDefaults(
        text="phones",
        default_voice="vivienne",
        code_prompt="",
        refine=False,
        carry_over=False,
        max_piece_units=70,  # longer than most of what it was trained on, it loses the thread
        syllable_units=3,  # a syllable of its teachers lasts as long
        mel_floor=MEL_FLOOR,
        mel_gate=MEL_GATE,
        temperature=0.3,  # lower, a take that went wrong goes wrong again
        guided_layers=guided_layers,  # their last head is taught to follow the text
        end_codebooks=(0, 2),  # second-stage codes are near noise
        tags=(*PACES, *PAUSES_S),
    )
    return ChatTTSConfig(gpt=gpt, decoder=stack, dvae=dvae, vocos=VocosConfig(backbone=vocos), vivace=habits)


EMBEDDED = Preset(
    sizes=_chattts(
        width=256,
        layers=6,
        heads=4,
        inner=704,
        stack=StackConfig(idim=128, odim=192, hidden=256, n_layer=6, bn_dim=96),
        dvae=DVAEConfig(
            encoder=StackConfig(idim=256, odim=256, hidden=192, n_layer=5, bn_dim=64),
            decoder=StackConfig(idim=128, odim=256, hidden=192, n_layer=6, bn_dim=64),
            vq=QuantizerConfig(dim=256),
        ),
        vocos=VocosBackbone(dim=256, intermediate_dim=768, num_layers=6),
        guided_layers=(2, 3),
    ),
    speakers=("slt", "rms", "esm", "esf"),
)

TOY = Preset(  # everything of the real one at a size that trains in a second; for tests
    sizes=_chattts(
        width=16,
        layers=2,
        heads=2,
        inner=32,
        stack=StackConfig(idim=8, odim=12, hidden=16, n_layer=1, bn_dim=8),
        dvae=DVAEConfig(
            encoder=StackConfig(idim=12, odim=16, hidden=12, n_layer=1, bn_dim=8),
            decoder=StackConfig(idim=8, odim=12, hidden=12, n_layer=1, bn_dim=8),
            vq=QuantizerConfig(dim=16),
        ),
        vocos=VocosBackbone(dim=12, intermediate_dim=16, num_layers=1),
        guided_layers=(0, 1),
    ),
    speakers=("one", "two"),
)

PRESETS = {"embedded": EMBEDDED, "toy": replace(TOY, speakers=EMBEDDED.speakers)}


def root_config(sizes: ChatTTSConfig, default_voice: str) -> Json:
    """The checkpoint's ``config.json``: every group whose sizes are not the published ones, and the habits."""
    return {
        "embed": {
            "hidden_size": sizes.gpt.hidden_size,
            "num_audio_tokens": sizes.gpt.num_audio_tokens,
            "num_text_tokens": sizes.gpt.num_text_tokens,
            "num_vq": sizes.gpt.num_vq,
        },
        "decoder": asdict(sizes.decoder),
        "dvae": None,  # the checkpoint speaks; it does not listen
        "vocos": asdict(sizes.vocos),
        "vivace": asdict(replace(sizes.vivace, default_voice=default_voice)),
    }


def gpt_config(sizes: ChatTTSConfig) -> Json:
    """``asset/gpt/config.json`` in the names of Llama configurations."""
    return {"architectures": ["LlamaModel"], "model_type": "llama", "hidden_act": "silu", **asdict(sizes.gpt)}
