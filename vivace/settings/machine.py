"""Settings of the device and of what runs on it."""

from typing import Annotated, Literal

from pydantic import Field

from vivace.engine.config import EngineConfig
from vivace.settings.group import Group

SIZES = EngineConfig()
Count = Annotated[int, Field(ge=1)]


class CudaConfig(Group):
    """Switches of torch's CUDA backend; elsewhere they change nothing."""

    cudnn_benchmark: bool = False  # try convolution algorithms on the first input of each shape; pays for fixed shapes
    deterministic: bool = False  # only algorithms that give the same bits each time, where there are such
    allow_tf32: bool = False  # float32 products with 10 bits of mantissa, on Ampere and later
    memory_fraction: Annotated[float, Field(gt=0, le=1)] | None = None  # of the device's memory; None: all of it


class EngineSettings(Group):
    """How much runs at once. Memory for all of it is set aside when the first request comes."""

    rows: Count = SIZES.rows  # generations (pieces of texts) that share a step
    positions: Count = SIZES.positions  # prompt and code frames that one of their rows holds
    long_rows: Annotated[int, Field(ge=0)] = SIZES.long_rows  # rows for what outgrows them
    long_positions: Count = SIZES.long_positions
    text_rows: Count = SIZES.text_rows  # refine passes at once, where the model has them
    quantum: Count = SIZES.quantum  # steps a generation may run while others wait for its row
    prefill_budget: Count = SIZES.prefill_budget  # prompt positions read before one step
    prefix_mb: Annotated[float, Field(ge=0)] = SIZES.prefix_bytes / 1e6  # for voices' prefixes that requests share
    graphs: bool = SIZES.graphs  # replay whole steps where the device can
    max_requests: Count = 256  # under way or waiting; one more is refused
    ahead: Annotated[int, Field(ge=0)] = 7  # pieces of one text under way beyond the one that is heard

    def sizes(self) -> EngineConfig:
        """As the engine takes them."""
        own = self.model_dump(exclude={"prefix_mb", "max_requests", "ahead"})
        queue = self.max_requests * (1 + self.ahead)
        return EngineConfig(**own, prefix_bytes=int(self.prefix_mb * 1e6), queue_size=queue)


class VocoderSettings(Group):
    """From what the language model made to samples."""

    precision: Literal["auto", "float32", "bfloat16", "int16"] = "auto"  # of most products in Decoder and Vocos
    use_vocoder_optimization: bool = True  # replay pushes of streams where the device can
    vocoder_chunk_size: Count = 500  # mel frames of a window, where a long mel is made a wave at once


class StreamSettings(Group):
    """When a stream sends audio. Counted in code frames of the model (ChatTTS: 47 a second)."""

    first: Count = 8  # frames of the first chunk
    growth: Annotated[float, Field(ge=1)] = 1.25  # each chunk is this much longer than the one before
    most: Count = 32  # frames of the longest
    lookahead: Annotated[int, Field(ge=0)] | None = None  # frames a sample waits for; None: until it is exact
