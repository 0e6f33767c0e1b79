"""Files 05 and 06: DVAE, Decoder, quantiser regimes, Vocos."""

from collections.abc import Iterator

import torch
from torch import Tensor

from vivace.audio.mel import MelSpec, log_mel
from vivace.bench.goldens.report import Arrays, Goldens, Row, compare, given
from vivace.models.chattts.checkpoint.load import ChatTTSModel
from vivace.models.chattts.conv_stack import interleave_halves
from vivace.models.chattts.dvae import DVAE, MEL
from vivace.vocoder.vocos import Vocos

ODD = slice(2_000, 31_900)  # of the recording: an odd number of mel frames
VOCOS_MEL = MelSpec(floor=1e-7)  # the vocoder's own floor; the DVAE's is 1e-5
LOUDER = 3.0  # added to the magnitude biases so that the limit bites


def _speech(goldens: Goldens) -> Tensor:
    return torch.from_numpy(goldens.arrays("00_speech.npz")["speech_int16"] / 32768).float()[None]


def check_encoder(goldens: Goldens, dvae: DVAE) -> Iterator[Row]:
    """A recording on its way to the quantiser, stage by stage."""
    file = "05_dvae.npz"
    arrays, speech = goldens.arrays(file), _speech(goldens)
    mel = log_mel(speech, MEL)
    yield compare(f"{file}:speech_mel", mel[0], arrays["speech_mel"], 2e-4)
    down = dvae.downsample_conv(mel / dvae.coef)
    yield compare(f"{file}:speech_downsampled", down[0], arrays["speech_downsampled"], 4e-4)
    encoded = dvae.encoder(down)
    yield compare(f"{file}:speech_encoded", encoded, arrays["speech_encoded"], 4e-4)
    for group, latent in enumerate(dvae.quantiser.latents(encoded)):
        yield compare(f"{file}:speech_latent_group{group}", latent, arrays[f"speech_latent_group{group}"], 4e-4)
    odd = dvae.features(log_mel(speech[:, ODD], MEL))
    yield compare(f"{file}:odd_encoded", odd, arrays["odd_encoded"], 4e-4)


def check_decoder(goldens: Goldens, model: ChatTTSModel) -> Iterator[Row]:
    """Hidden states on their way to mel, stage by stage."""
    file = "05_dvae.npz"
    arrays, stack = goldens.arrays(file), model.decoder.decoder
    hidden = torch.from_numpy(arrays["decoder_hiddens"])
    yield given(goldens, file, "decoder_hiddens")
    x = interleave_halves(hidden)
    yield compare(f"{file}:decoder_interleaved", x, arrays["decoder_interleaved"])
    x = stack.conv_in(x)
    yield compare(f"{file}:decoder_conv_in", x, arrays["decoder_conv_in"], 2e-4)
    yield compare(f"{file}:decoder_block0", stack.blocks[0](x), arrays["decoder_block0"], 2e-4)
    yield compare(f"{file}:decoder_mel", model.decoder(hidden), arrays["decoder_mel"], 2e-4)


def check_quantiser(goldens: Goldens, dvae: DVAE, file: str) -> Iterator[Row]:
    """Codes of recordings, and codes back to mel, in one regime."""
    arrays: Arrays = goldens.arrays(file)
    speech = _speech(goldens)
    codes = dvae.encode(speech)
    yield compare(f"{file}:speech_codes", codes[0], arrays["speech_codes"])
    yield compare(f"{file}:odd_codes", dvae.encode(speech[:, ODD])[0], arrays["odd_codes"])
    if "codes" not in arrays:
        return
    yield given(goldens, file, "codes")
    book = torch.from_numpy(arrays["codes"]).long()
    yield compare(f"{file}:codes_features", dvae.quantiser.decode(book), arrays["codes_features"], 1e-5)
    yield compare(f"{file}:codes_mel", dvae(book), arrays["codes_mel"], 3e-4)
    yield compare(f"{file}:speech_codes_mel", dvae(codes[..., 40:60]), arrays["speech_codes_mel"], 3e-4)


def check_vocos(goldens: Goldens, vocos: Vocos) -> Iterator[Row]:
    """Mel to wave, stage by stage, and the vocoder's own mel."""
    file = "06_vocos.npz"
    arrays = goldens.arrays(file)
    mel = torch.from_numpy(arrays["mel"])
    yield given(goldens, file, "mel")
    features = vocos.backbone(mel)
    yield compare(f"{file}:backbone", features, arrays["backbone"], 1e-4)
    raw = vocos.head.raw(features)
    yield compare(f"{file}:head_raw", raw, arrays["head_raw"], 1e-4)
    yield compare(f"{file}:wav", vocos(mel), arrays["wav"], 3e-5)
    loud = raw[:1].clone()
    loud[..., : VOCOS_MEL.bins] += LOUDER
    yield compare(f"{file}:loud_wav", vocos.head.wave(loud), arrays["loud_wav"], 5e-4)
    speech_mel = log_mel(_speech(goldens)[:, :10_240], VOCOS_MEL)
    yield compare(f"{file}:speech_mel", speech_mel, arrays["speech_mel"], 2e-3)
    recorded = torch.from_numpy(arrays["speech_mel"])
    yield compare(f"{file}:speech_wav", vocos(recorded), arrays["speech_wav"], 3e-5)
