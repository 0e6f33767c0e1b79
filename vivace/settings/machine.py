"""Settings of the device and of what runs on it."""

from typing import Annotated

from pydantic import Field

from vivace.settings.group import Group


class CudaConfig(Group):
    """Switches of torch's CUDA backend; elsewhere they change nothing."""

    cudnn_benchmark: bool = False  # try convolution algorithms on the first input of each shape; pays for fixed shapes
    deterministic: bool = False  # only algorithms that give the same bits each time, where there are such
    allow_tf32: bool = False  # float32 products with 10 bits of mantissa, on Ampere and later
    memory_fraction: Annotated[float, Field(gt=0, le=1)] | None = None  # of the device's memory; None: all of it
