"""Prompts of ChatTTS: tokens, decoration, embedding. Source: section 5 of the ChatTTS facts."""

# B batch, L positions, P frames of a recording's codes, Q codebooks

from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer as HFTokenizer
from torch import Tensor

from vivace.engine.protocols import ARPrompt
from vivace.errors import WeightsError, WeightsNotFoundError
from vivace.models.chattts.gpt import Embeddings

# Replacements after WordPiece decoding, in this order (section 4.4 of the ChatTTS facts). They are applied once more to
# the whole string, as the reference does: only then does "don ' t" become "don't".
CLEANUP = (
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
)


@dataclass(frozen=True)
class Encoded:
    """A left-padded batch of prompts."""

    input_ids: Tensor  # [B, L, Q] int64: text ids in every column, then the recording's codes
    attention_mask: Tensor  # [B, L] bool, False on padding
    text_mask: Tensor  # [B, L] bool, True on text


class Tokenizer:
    """The checkpoint's ``tokenizer.json``, whatever it is made of (WordPiece, or a table of phones)."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise WeightsNotFoundError(f"{path} is missing; fetch the checkpoint again")
        try:
            self._inner = HFTokenizer.from_file(str(path))
        except Exception as exc:  # the library raises bare Exception
            raise WeightsError(f"{path} is not a tokenizer file ({exc}); fetch the checkpoint again") from exc
        # The published file stores truncation to 256 and padding to 256, which must not apply.
        self._inner.no_truncation()
        self._inner.no_padding()

    def __len__(self) -> int:
        return int(self._inner.get_vocab_size(with_added_tokens=True))

    def id(self, token: str) -> int:
        """The id of a control token. Raises: WeightsError when the tokenizer lacks it."""
        found = self._inner.token_to_id(token)
        if found is None:
            raise WeightsError(f"the tokenizer has no {token}; it is not one of a ChatTTS checkpoint")
        return int(found)

    def __contains__(self, token: str) -> bool:
        return self._inner.token_to_id(token) is not None

    def ids(self, text: str) -> list[int]:
        """``text`` as ids; nothing is added, cut or padded."""
        return list(self._inner.encode(text, add_special_tokens=False).ids)

    def encode(self, texts: list[str], codebooks: int, recording: Tensor | None = None) -> Encoded:
        """A batch of decorated prompts; ``recording`` ``[Q, P]`` codes follow every one of them."""
        rows = [self.ids(text) for text in texts]
        tail = 0 if recording is None else recording.shape[1]
        length = max(map(len, rows)) + tail
        input_ids = torch.zeros(len(rows), length, codebooks, dtype=torch.long)
        attention_mask = torch.zeros(len(rows), length, dtype=torch.bool)
        for b, row in enumerate(rows):
            first = length - tail - len(row)
            input_ids[b, first : length - tail] = torch.tensor(row)[:, None]
            attention_mask[b, first:] = True
        text_mask = attention_mask.clone()
        if recording is not None:
            input_ids[:, length - tail :] = recording.T.long()
            text_mask[:, length - tail :] = False
        return Encoded(input_ids, attention_mask, text_mask)

    def decode(self, ids: list[int]) -> str:
        """Ids to text, control tokens kept."""
        text = str(self._inner.decode(ids, skip_special_tokens=False))
        for written, tidy in CLEANUP:
            text = text.replace(written, tidy)
        return text


SPEAKER, NO_SPEAKER = "[spk_emb]", "[empty_spk]"
STRUCTURAL = ("[Stts]", SPEAKER, NO_SPEAKER)  # may not come from the text: they would move the speaker


@dataclass(frozen=True)
class SpeakerRow:
    """The embedding that replaces that of the token ``[spk_emb]``."""

    token_id: int
    row: Tensor  # [D], unit length


def refine_prompt(text: str, prompt: str = "") -> str:
    """The prompt that asks for ``text`` to be rewritten; ``prompt`` like ``[oral_2][laugh_0][break_6]``."""
    return f"[Sbreak]{text}[Pbreak]{prompt}"


def code_prompt(text: str, *, prompt: str, speaker: bool, transcript: str | None = None) -> str:
    """The prompt that asks for speech of ``text``; ``transcript`` is that of the recording that comes after it."""
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
