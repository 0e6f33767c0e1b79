"""None"""

import pytest
import torch

from vivace.layers.quantization import (
    GROUP,
    QuantizedLinear,
    dequantize,
    quantize_int4,
    quantize_int8,
    unpack_int4,
)


def weight(outputs: int = 24, inputs: int = 128) -> torch.Tensor:
    return torch.randn(outputs, inputs, generator=torch.Generator().manual_seed(3)) * 0.02


def test_int8_is_within_half_a_step() -> None:
    w = weight()
    codes, scale = quantize_int8(w)
    assert bool(((dequantize(codes, scale) - w).abs() <= scale[:, None] * 0.5001).all())
    assert int(codes.min()) >= -127


def test_a_row_of_zeros_stays_zero() -> None:
    w = weight()
    w[3] = 0
    for codes, scale in (quantize_int8(w), quantize_int4(w)):
        assert float(dequantize(codes, scale)[3].abs().max()) < 1e-6


def test_int4_errs_less_than_plain_rounding_to_the_range() -> None:
    w = weight()
    got = dequantize(*quantize_int4(w))
    groups = w.view(len(w), -1, GROUP)
    low, high = groups.amin(-1, keepdim=True), groups.amax(-1, keepdim=True)
    step = (high - low) / 15
    plain = (((groups - low) / step).round() * step + low).view_as(w)
    assert float((got - w).square().sum()) < 0.97 * float((plain - w).square().sum())


def test_two_codes_in_a_byte() -> None:
    codes, _ = quantize_int4(weight())
    wide = unpack_int4(codes)
    assert wide.shape == (24, 128)
    assert torch.equal(wide[:, ::2] | wide[:, 1::2] << 4, codes)


def test_inputs_must_divide_into_groups() -> None:
    with pytest.raises(ValueError, match="40 inputs"):
        quantize_int4(weight(4, 40))


@pytest.mark.parametrize("form", ["int8", "int4"])
def test_state_goes_through_a_file_form_to_the_bit(form: str) -> None:
    linear = torch.nn.Linear(64, 32, bias=False)
    made = QuantizedLinear.of(linear, form)  # type: ignore[arg-type]
    with torch.device("meta"):
        empty = torch.nn.Linear(64, 32, bias=False)
    filled = QuantizedLinear.of(empty, form)  # type: ignore[arg-type]
    filled.load_state_dict(made.state_dict(), assign=True)
    x = torch.randn(3, 64)
    assert torch.equal(made(x), filled(x))
