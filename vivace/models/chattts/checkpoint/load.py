"""A ChatTTS checkpoint in memory."""

from dataclasses import dataclass
from pathlib import Path

from torch import nn

from vivace.errors import WeightsMismatchError
from vivace.layers.fsq import Regime as Regime  # callers name it too
from vivace.layers.unfilled import unfilled
from vivace.models.chattts.checkpoint import keymaps
from vivace.models.chattts.checkpoint.config import ChatTTSConfig, read_config
from vivace.models.chattts.decoder import SpectrogramDecoder
from vivace.models.chattts.durations import Durations, read_durations
from vivace.models.chattts.dvae import DVAE
from vivace.models.chattts.gpt import CodeMode, Embeddings, Llama, TextMode
from vivace.models.chattts.speaker import SpeakerStatistics, published_statistics
from vivace.models.chattts.tokenizer import Tokenizer
from vivace.weights.load import Part, read_tensors

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
    durations: Durations | None = None  # None: nobody knows how long its speech should be

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


def build_chattts(root: Path, *, regime: Regime = "a") -> tuple[ChatTTSModel, list[Part]]:
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
    with unfilled():
        llama = Llama(config.gpt)
        embeddings = Embeddings(config.gpt, text_head=config.vivace.refine)
        decoder = SpectrogramDecoder(config.decoder)
        dvae = None if config.dvae is None else DVAE(config.dvae, regime=regime)
    if config.vivace.precision in ("int8", "int4"):  # the files hold codes and scales
        llama.set_precision(config.vivace.precision)
        if not llama.small:  # a small model's heads stay as they are
            embeddings.set_precision(config.vivace.precision)
    durations = read_durations(asset, len(tokenizer))
    parts = [
        Part(llama, asset / "gpt" / "model.safetensors", keymaps.GPT, ignore=keymaps.GPT_UNUSED),
        Part(embeddings, asset / "Embed.safetensors", keymaps.EMBED),
        Part(decoder, asset / "Decoder.safetensors", keymaps.DECODER),
    ]
    if dvae is not None:
        parts.append(Part(dvae, asset / "DVAE.safetensors", keymaps.DVAE, ignore=keymaps.DVAE_UNUSED))
    return ChatTTSModel(
        config, tokenizer, llama, embeddings, decoder, dvae, _statistics(root, config), durations
    ), parts
