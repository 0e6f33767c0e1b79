"""How a prompt is decorated. Source: section 5 of the ChatTTS facts."""

from dataclasses import dataclass

from torch import Tensor

from vivace.engine.protocols import ARPrompt
from vivace.models.chattts.gpt import Embeddings
from vivace.models.chattts.tokenizer import Encoded

SPEAKER, NO_SPEAKER = "[spk_emb]", "[empty_spk]"
STRUCTURAL = ("[Stts]", SPEAKER, NO_SPEAKER)  # may not come from the text: they would move the speaker


@dataclass(frozen=True)
class SpeakerRow:
    """What stands at ``[spk_emb]`` instead of that token's own embedding."""

    token_id: int
    row: Tensor  # [D], unit length


def refine_prompt(text: str, prompt: str = "") -> str:
    """Asks the model to rewrite ``text``; ``prompt`` like ``[oral_2][laugh_0][break_6]``."""
    return f"[Sbreak]{text}[Pbreak]{prompt}"


def code_prompt(text: str, *, prompt: str, speaker: bool, transcript: str | None = None) -> str:
    """Asks the model to speak ``text``; ``transcript`` is what the recording that follows says."""
    for token in STRUCTURAL:
        text = text.replace(token, "")
    slot = SPEAKER if speaker else NO_SPEAKER
    return f"[Stts]{slot}{transcript or ''}{prompt}{text.strip()}[Ptts]"


def embed_prompt(encoded: Encoded, embeddings: Embeddings, speaker: SpeakerRow | None = None) -> ARPrompt:
    """Embed a batch; the speaker's row replaces every ``[spk_emb]``."""
    device = embeddings.emb_text.weight.device
    ids, text_mask = encoded.input_ids.to(device), encoded.text_mask.to(device)
    x = embeddings.prompt(ids, text_mask)
    if speaker is not None:
        slot = text_mask & (ids[..., 0] == speaker.token_id)
        x = x.masked_scatter(slot[..., None], speaker.row.to(x).expand(int(slot.sum()), -1))
    return ARPrompt(x, encoded.attention_mask.to(device))
