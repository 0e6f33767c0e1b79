"""Which models can share a voice: those that hear a recording alike."""

import hashlib

from torch import nn


def encoder_fingerprint(*parts: nn.Module) -> str:
    """Fingerprint of the weights of what turns a recording into a voice: style encoder and quantiser."""
    digest = hashlib.sha256()
    for part in parts:
        for name, tensor in sorted(part.state_dict().items()):
            digest.update(name.encode())
            digest.update(tensor.float().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()[:16]
