"""The parameters of GPT-SoVITS' ``/tts`` by their names there, and what each comes to here.

A parameter that is left out has the default of api_v2 where that is a matter of the API (``cut5``, 0.3 s), and that of
the model where it is a matter of the model: for GPT-SoVITS the two are the same, but for ``sample_steps``, which is 8
for v4 and 32 for v3. Source: sections 13 and 15 of the GPT-SoVITS front-end facts.
"""

import logging
from functools import cache
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, StringConstraints

from vivace.pipeline.options import SpeakOptions
from vivace.serve.languages import Language, language_of
from vivace.serve.schemas import Penalty, Seed, Speed, Steps, Temperature, Text, TopK, TopP, VoiceName

log = logging.getLogger(__name__)

BATCHED = "pieces of all requests are batched as they come"
STREAMED = "chunks of a stream are cut by the settings of the group stream, and join without a seam"
# Taken, so that clients work, and without effect.
IGNORED = {
    "batch_size": BATCHED,
    "batch_threshold": BATCHED,
    "split_bucket": BATCHED,
    "parallel_infer": BATCHED,
    "overlap_length": STREAMED,
    "min_chunk_length": STREAMED,
}


# Parameters that only GPT-SoVITS models have, and the option that each is here.
FAMILY_OPTIONS = {"text_split_method": "split_method", "sample_steps": "sample_steps"}


def _unset(value: Any) -> Any:
    return None if value in ("", -1, "-1") else value


def _listed(value: Any) -> Any:
    """A query string or a form has one value, or none, where a list is meant."""
    return [part for part in value.split(",") if part] if isinstance(value, str) else ([] if value is None else value)


def _no_super_sampling(wanted: bool) -> bool:
    if wanted:
        raise ValueError("the network for that (AP-BWE) is not here; v4 speaks at 48 kHz by itself; leave it out")
    return wanted


class ApiV2Request(BaseModel):
    """``/tts`` of api_v2."""

    text: Text
    text_lang: Language = "auto"
    ref_audio_path: str | None = Field(None, max_length=200, description="A voice's id or name; never a path.")
    aux_ref_audio_paths: Annotated[list[VoiceName], BeforeValidator(_listed)] = Field(
        default_factory=list, max_length=8, description="Further voices, to be averaged in (v1, v2, v2Pro, v2ProPlus)."
    )
    prompt_text: str = Field("", max_length=1000, description="What an uploaded recording says.")
    prompt_lang: str = Field("", max_length=32, description="What prompt_text is in; empty: as auto.")
    top_k: TopK | None = Field(None, description="15 with GPT-SoVITS.")
    top_p: TopP | None = Field(None, description="1 with GPT-SoVITS.")
    temperature: Temperature | None = Field(None, description="1 with GPT-SoVITS.")
    text_split_method: Literal["cut0", "cut1", "cut2", "cut3", "cut4", "cut5", "auto"] = Field(
        "cut5", description="How the text is cut; auto: at sentence ends, as everywhere else in Vivace."
    )
    batch_size: Annotated[int, Field(ge=1)] = Field(1, description="No effect.")
    batch_threshold: float = Field(0.75, description="No effect.")
    split_bucket: bool = Field(True, description="No effect.")
    speed_factor: Speed = 1.0
    fragment_interval: Annotated[float, Field(ge=0, le=10)] = Field(
        0.3, description="Seconds of silence after a piece."
    )
    seed: Annotated[Seed | None, BeforeValidator(_unset)] = Field(None, description="-1: a fresh one.")
    parallel_infer: bool = Field(True, description="No effect.")
    repetition_penalty: Penalty | None = Field(None, description="1.35 with GPT-SoVITS.")
    sample_steps: Annotated[Steps | None, BeforeValidator(_unset)] = Field(None, description="v3: 32, v4: 8.")
    super_sampling: Annotated[bool, AfterValidator(_no_super_sampling)] = Field(False, description="True is refused.")
    streaming_mode: bool | Annotated[int, Field(ge=0, le=3)] = Field(
        False, description="1: whole pieces, each judged before it is sent; 2, 3: as soon as there is sound."
    )
    overlap_length: int = Field(2, description="No effect.")
    min_chunk_length: int = Field(16, description="No effect.")
    media_type: Literal["wav", "raw", "ogg", "aac", "mp3", "flac", "opus"] = "wav"
    model: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None, description="Not of api_v2: one of GET /v1/models."
    )

    @property
    def ignored(self) -> tuple[str, ...]:
        """What was sent, means something there, and has no effect here. Logs the reason, once."""
        sent = tuple(name for name in IGNORED if name in self.model_fields_set and getattr(self, name))
        for name in sent:
            _note(name)
        return sent

    @property
    def streams(self) -> bool:
        """Whether audio is sent while it is made."""
        return bool(self.streaming_mode)

    def unsupported(self, able: frozenset[str]) -> tuple[str, ...]:
        """Parameters that were sent, and that models of other families than GPT-SoVITS do not have."""
        return tuple(
            name
            for name, option in FAMILY_OPTIONS.items()
            if name in self.model_fields_set and option not in able and getattr(self, name) not in (None, "auto")
        )

    def options(self, able: frozenset[str]) -> SpeakOptions:
        """The request's options without voice and model; those of a family only where ``able`` names them."""
        split = None if self.text_split_method == "auto" else self.text_split_method
        return SpeakOptions(
            language=language_of(self.text_lang),
            speed=self.speed_factor,
            seed=self.seed,
            temperature=self.temperature,
            top_p=self.top_p,
            top_k=self.top_k,
            repetition_penalty=self.repetition_penalty,
            sample_steps=self.sample_steps if "sample_steps" in able else None,
            split_method=split if "split_method" in able else None,
            pause_s=self.fragment_interval,
            by_piece=self.streaming_mode in (1, True),
        )


@cache
def _note(name: str) -> None:
    log.info("/tts: %s has no effect: %s", name, IGNORED[name])
