import math

import pytest
import torch
from torch import Tensor

from vivace.errors import SettingsError
from vivace.layers.conv_context import WholeContext
from vivace.vocoder.vocos import InverseSTFT

BINS = 33


def spectrum(frames: int, batch: int = 2) -> Tensor:
    torch.manual_seed(0)
    return torch.randn(batch, frames, BINS, dtype=torch.complex64)


@pytest.mark.parametrize("hop", [16, 32])
@pytest.mark.parametrize("frames", [2, 3, 40])
@pytest.mark.parametrize("real_arithmetic", [False, True])
def test_it_is_the_transform_of_the_library(hop: int, frames: int, real_arithmetic: bool) -> None:
    window, given = torch.hann_window(64), spectrum(frames)
    istft = InverseSTFT(64, hop, real_arithmetic=real_arithmetic)
    got = istft(given.real, given.imag, window, WholeContext())[:, :-1].flatten(1)
    want = torch.istft(given.transpose(1, 2), window.numel(), hop, window=window, center=True)
    torch.testing.assert_close(got, want, atol=1e-5, rtol=1e-5)


def test_one_frame_has_no_sample() -> None:
    given = spectrum(1)
    assert InverseSTFT(64, 16)(given.real, given.imag, torch.hann_window(64), WholeContext())[:, :-1].numel() == 0


def test_shorter_rows_end_as_they_do_alone() -> None:
    window, given = torch.hann_window(64), spectrum(12)
    istft = InverseSTFT(64, 16)
    together = istft(given.real, given.imag, window, WholeContext(torch.tensor([12, 5])))
    alone = istft(given.real[1:, :5], given.imag[1:, :5], window, WholeContext())
    torch.testing.assert_close(together[1, :4], alone[0, :4], atol=1e-6, rtol=0)


def test_a_wave_comes_back() -> None:
    wave = torch.sin(torch.arange(640) * (2 * math.pi / 20))[None]
    window = torch.hann_window(64)
    there = torch.stft(wave, 64, 16, window=window, return_complex=True).transpose(1, 2)
    back = InverseSTFT(64, 16)(there.real, there.imag, window, WholeContext())[:, :-1].flatten(1)
    torch.testing.assert_close(back, wave, atol=1e-5, rtol=0)


def test_a_window_that_is_no_even_number_of_hops_is_refused() -> None:
    with pytest.raises(SettingsError, match="choose another hop"):
        InverseSTFT(64, 24)
