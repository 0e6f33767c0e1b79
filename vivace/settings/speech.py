"""Settings of what is spoken, and how."""

from typing import Annotated, Literal

from pydantic import Field

from vivace.settings.group import Group, UserPath
from vivace.types import LanguageChoice


class LimitsConfig(Group):
    """What one request may carry."""

    max_chars: Annotated[int, Field(ge=1)] = 20_000
    max_reference_seconds: Annotated[float, Field(gt=0)] = 30.0  # of a recording to clone a voice from


class TextConfig(Group):
    """How text is read."""

    lexicon: UserPath | None = None  # a file of your own readings: word, tab, reading
    homophones: bool | UserPath = True  # for models that read characters: rare ones by frequent ones; or a JSON table


class CheckConfig(Group):
    """Whether what the model said can be what it was asked to say."""

    enabled: bool = True  # judge every piece: skipped, repeated, endless; silence is found whatever this says
    retries: Annotated[int, Field(ge=0, le=8)] = 2  # times a wrong piece is spoken again, each with another seed
    refuse: bool = False  # a piece that stays wrong is an error; else it is given, and the statistics say so


class GPTSoVITSConfig(Group):
    """Files of a GPT-SoVITS installation to speak with, as a ``tts_infer.yaml`` names them."""

    pretrained: UserPath | None = None  # the folder of pretrained models; None: no installation is used
    version: Literal["v1", "v2", "v3", "v4", "v2Pro", "v2ProPlus"] | None = None
    gpt: UserPath | None = None  # a .ckpt file; None: the version's own
    sovits: UserPath | None = None  # a .pth file; None: the version's own
    bert: UserPath | None = None  # folder of chinese-roberta-wwm-ext-large; None: that of the installation
    hubert: UserPath | None = None  # folder of chinese-hubert-base


class InferenceConfig(Group):
    """Defaults of ``TTS.synthesize``. ``None`` is the model's own default."""

    voice: str | None = None
    language: LanguageChoice = "auto"
    speed: Annotated[float, Field(ge=0.25, le=4.0)] = 1.0
    seed: Annotated[int, Field(ge=0)] | None = None
    temperature: Annotated[float, Field(gt=0)] | None = None
    top_p: Annotated[float, Field(gt=0, le=1)] | None = None
    top_k: Annotated[int, Field(ge=1)] | None = None
    repetition_penalty: Annotated[float, Field(gt=0)] | None = None
    sample_steps: Annotated[int, Field(ge=1, le=128)] | None = None  # of the flow-matching solver: GPT-SoVITS v3 and v4
