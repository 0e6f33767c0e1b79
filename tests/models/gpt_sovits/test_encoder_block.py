import torch
from torch import nn

from vivace.models.gpt_sovits.encoder_block import EncoderBlock


@torch.inference_mode()
def test_it_is_torchs_post_norm_encoder_layer() -> None:
    torch.manual_seed(0)
    ours = EncoderBlock(16, 4, 32, eps=1e-12).eval()
    theirs = nn.TransformerEncoderLayer(16, 4, 32, 0.0, "gelu", 1e-12, batch_first=True).eval()
    attention = theirs.self_attn
    attention.in_proj_weight.copy_(torch.cat([m.weight for m in (ours.q, ours.k, ours.v)]))
    attention.in_proj_bias.copy_(torch.cat([m.bias for m in (ours.q, ours.k, ours.v)]))
    for name in ("linear1", "linear2", "norm1", "norm2"):
        getattr(theirs, name).load_state_dict(getattr(ours, name).state_dict())
    attention.out_proj.load_state_dict(ours.out.state_dict())
    x, real = torch.randn(2, 5, 16), torch.tensor([[True] * 5, [True, True, True, False, False]])
    torch.testing.assert_close(ours(x), theirs(x), atol=1e-5, rtol=0)
    masked = theirs(x, src_key_padding_mask=~real)
    torch.testing.assert_close(ours(x, real[:, None, None])[1, :3], masked[1, :3], atol=1e-5, rtol=0)
    torch.testing.assert_close(ours(x, real[:, None, None])[0], masked[0], atol=1e-5, rtol=0)
