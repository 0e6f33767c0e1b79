"""Tensor names of converted S2 files and ours. Source: appendix A of the GPT-SoVITS model facts."""

from vivace.weights.keymap import KeyMap

_SHARED = (
    (r"(enc_p\..+\.norm_layers_[12]\.\d+)\.gamma", r"\1.weight"),
    (r"(enc_p\..+\.norm_layers_[12]\.\d+)\.beta", r"\1.bias"),
    (r"ref_enc\.spectral\.0\.fc\.(.+)", r"ref_enc.spectral_in.\1"),
    (r"ref_enc\.spectral\.3\.fc\.(.+)", r"ref_enc.spectral_out.\1"),
    (r"ref_enc\.temporal\.(\d)\.conv1\.conv\.(.+)", r"ref_enc.temporal.\1.\2"),
    (r"ref_enc\.slf_attn\.w_qs\.(.+)", r"ref_enc.query.\1"),
    (r"ref_enc\.slf_attn\.w_ks\.(.+)", r"ref_enc.key.\1"),
    (r"ref_enc\.slf_attn\.w_vs\.(.+)", r"ref_enc.value.\1"),
    (r"ref_enc\.slf_attn\.fc\.(.+)", r"ref_enc.attended.\1"),
    (r"ref_enc\.fc\.fc\.(.+)", r"ref_enc.project.\1"),
    (r"ssl_proj\.(.+)", r"quantiser.ssl_proj.\1"),
    (r"quantizer\.vq\.layers\.0\._codebook\.embed", "quantiser.codebook"),
)
# Couplings stand at even places of the file's list; what stands between them has no weights.
_COUPLINGS = tuple((rf"flow\.flows\.{2 * i}\.(.+)", rf"flow.couplings.{i}.\1") for i in range(8))
_PRO = ((r"(sv_emb|prelu|ge_to512)\.(.+)", r"speaker.\1.\2"),)
_FOLDED = ((r"(dec\..+)", r"\1.weight"), *((rule, new + ".weight") for rule, new in _COUPLINGS))

VITS = KeyMap(rules=_SHARED + _COUPLINGS + _PRO, weight_norm=_FOLDED)
_FLOW_NETWORK = tuple(
    (rf"cfm\.estimator\.{old}", rf"estimator.{new}")
    for old, new in (
        (r"text_embed\.(text_blocks\.\d+)\.grn\.(gamma|beta)", r"\1.grn_\2"),
        (r"text_embed\.(.+)", r"\1"),
        (r"input_embed\.proj\.(.+)", r"proj_in.\1"),
        (r"input_embed\.conv_pos_embed\.conv1d\.(.+)", r"conv_pos.\1"),
        (r"rotary_embed\.inv_freq", "inv_freq"),
        (r"transformer_blocks\.(\d+)\.attn_norm\.linear\.(.+)", r"blocks.\1.modulation.\2"),
        (r"transformer_blocks\.(\d+)\.attn\.to_out\.0\.(.+)", r"blocks.\1.attn.to_out.\2"),
        (r"transformer_blocks\.(\d+)\.ff\.ff\.0\.0\.(.+)", r"blocks.\1.ff_in.\2"),
        (r"transformer_blocks\.(\d+)\.ff\.ff\.2\.(.+)", r"blocks.\1.ff_out.\2"),
        (r"transformer_blocks\.(.+)", r"blocks.\1"),
        (r"norm_out\.linear\.(.+)", r"modulation_out.\1"),
        (r"(.+)", r"\1"),
    )
)
_BRIDGE = ((r"bridge\.0\.(.+)", r"bridge.\1"),)
FLOW_MATCHING = KeyMap(rules=_SHARED + _BRIDGE + _FLOW_NETWORK, weight_norm=((r"(wns1\..+)", r"\1.weight"),))
