"""A ChatTTS checkpoint in memory, and the names of its tensors. Source: section 2.4 of the ChatTTS facts."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from vivace.errors import WeightsMismatchError
from vivace.layers.fsq import QuantizerVariant as QuantizerVariant  # callers name it too
from vivace.layers.meta_init import meta_init
from vivace.models.chattts.checkpoint.config import ChatTTSConfig, read_config
from vivace.models.chattts.durations import Durations, read_durations
from vivace.models.chattts.dvae import DVAE, SpectrogramDecoder
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama, TextMode
from vivace.models.chattts.prompt import Tokenizer
from vivace.models.chattts.speaker import SpeakerStatistics, published_statistics
from vivace.weights.keymap import KeyMap
from vivace.weights.load import ModulePart, read_tensors

# ConvNeXt blocks of the DVAE and the Decoder; their layer scale is called "weight" in safetensors files.
_STACK = (
    (r"(encoder|decoder)\.decoder_block\.(\d+)\.weight", r"\1.blocks.\2.scale"),
    (r"(encoder|decoder)\.decoder_block\.(\d+)\.(.+)", r"\1.blocks.\2.\3"),
)
_QUANTIZER = ((r"vq_layer\.quantizer\.rvqs\.(\d+)\.(project_in|project_out)\.(.+)", r"quantizer.\2.\1.\3"),)
_HEADS = (
    (r"head_text\.parametrizations\.weight", r"head_text.weight"),
    (r"head_code\.(\d+)\.parametrizations\.weight", r"head_code.\1.weight"),
)

GPT_KEYS = KeyMap()
GPT_UNUSED = (r"embed_tokens\.weight",)  # the Llama's own table: inputs are embeddings, nothing looks it up
EMBED_KEYS = KeyMap(weight_norm=_HEADS)
DECODER_KEYS = KeyMap(rules=_STACK)
DVAE_KEYS = KeyMap(rules=_STACK + _QUANTIZER)
DVAE_UNUSED = (r"preprocessor_mel\..+",)  # window and filters of the mel, which are computed


SPECIAL_TOKENS = ("[Stts]", "[spk_emb]", "[empty_spk]", "[Ptts]")


@dataclass(frozen=True)
class ChatTTSModel:
    """Everything of the family but the vocoder."""

    config: ChatTTSConfig
    tokenizer: Tokenizer
    llama: Llama
    embeddings: Embeddings
    decoder: SpectrogramDecoder
    dvae: DVAE | None  # None: the checkpoint cannot listen to recordings
    statistics: SpeakerStatistics | None  # None: it has no random speakers
    durations: Durations | None = None  # None: the length of its speech is not known

    @property
    def code_mode(self) -> CodeMode:
        """The language model as a writer of audio codes."""
        return CodeMode(self.llama, self.embeddings, self.config.gpt, self.config.vivace.end_codebooks)

    @property
    def text_mode(self) -> TextMode:
        """The language model as a rewriter of text."""
        return TextMode(self.llama, self.embeddings, self.config.gpt, self.tokenizer.id("[Ebreak]"))

    @property
    def modules(self) -> tuple[nn.Module, ...]:
        """All that has weights."""
        found = (self.llama, self.embeddings, self.decoder, self.dvae)
        return tuple(m for m in found if m is not None)


def _statistics(root: Path, config: ChatTTSConfig) -> SpeakerStatistics | None:
    """The checkpoint's own, in its configuration or in a file that a conversion wrote; else the published ones."""
    if config.spk_stat is not None:
        return SpeakerStatistics.from_string(config.spk_stat)
    file = root / "asset" / "spk_stat.safetensors"
    if file.is_file():
        (values,) = read_tensors(file)[0].values()
        return SpeakerStatistics.from_values(values.half().numpy())
    published = published_statistics()
    return published if len(published.mean) == config.gpt.hidden_size else None


def build_chattts(root: Path, *, variant: QuantizerVariant = "a") -> tuple[ChatTTSModel, list[ModulePart]]:
    """Lay out the model of the checkpoint under ``root`` without its weights.

    Returns:
        the model on the meta device, and what ``load_modules`` must fill to bring it to life.
    Raises: WeightsError when a configuration or the tokenizer is missing or does not fit.
    """
    config = read_config(root)
    asset = root / "asset"
    tokenizer = Tokenizer(asset / "tokenizer" / "tokenizer.json")
    for token in SPECIAL_TOKENS:
        tokenizer.id(token)
    if len(tokenizer) != config.gpt.num_text_tokens:
        raise WeightsMismatchError(
            f"{asset / 'tokenizer'} has {len(tokenizer)} tokens but gpt/config.json says {config.gpt.num_text_tokens}; "
            "fetch the checkpoint again"
        )
    with meta_init():
        llama = Llama(config.gpt)
        embeddings = Embeddings(config.gpt, text_head=config.vivace.refine)
        decoder = SpectrogramDecoder(config.decoder)
        dvae = None if config.dvae is None else DVAE(config.dvae, variant=variant)
    if config.vivace.precision in ("int8", "int4"):  # the files hold codes and scales
        llama.set_precision(config.vivace.precision)
        if not llama.small:  # a small model's heads stay as they are
            embeddings.set_precision(config.vivace.precision)
    durations = read_durations(asset, len(tokenizer))
    parts = [
        ModulePart(llama, asset / "gpt" / "model.safetensors", GPT_KEYS, ignore=GPT_UNUSED),
        ModulePart(embeddings, asset / "Embed.safetensors", EMBED_KEYS),
        ModulePart(decoder, asset / "Decoder.safetensors", DECODER_KEYS),
    ]
    if dvae is not None:
        parts.append(ModulePart(dvae, asset / "DVAE.safetensors", DVAE_KEYS, ignore=DVAE_UNUSED))
    return ChatTTSModel(
        config, tokenizer, llama, embeddings, decoder, dvae, _statistics(root, config), durations
    ), parts
