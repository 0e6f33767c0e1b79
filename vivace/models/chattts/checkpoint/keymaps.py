"""Tensor names of the published files and ours. Source: section 2.4 of the ChatTTS facts."""

from vivace.weights.keymap import KeyMap

# ConvNeXt blocks of the DVAE and the Decoder; their layer scale is called "weight" in safetensors files.
_STACK = (
    (r"(encoder|decoder)\.decoder_block\.(\d+)\.weight", r"\1.blocks.\2.scale"),
    (r"(encoder|decoder)\.decoder_block\.(\d+)\.(.+)", r"\1.blocks.\2.\3"),
)
_QUANTISER = ((r"vq_layer\.quantizer\.rvqs\.(\d+)\.(project_in|project_out)\.(.+)", r"quantiser.\2.\1.\3"),)
_HEADS = (
    (r"head_text\.parametrizations\.weight", r"head_text.weight"),
    (r"head_code\.(\d+)\.parametrizations\.weight", r"head_code.\1.weight"),
)

GPT = KeyMap()
GPT_UNUSED = (r"embed_tokens\.weight",)  # the Llama's own table: inputs are embeddings, nothing looks it up
EMBED = KeyMap(weight_norm=_HEADS)
DECODER = KeyMap(rules=_STACK)
DVAE = KeyMap(rules=_STACK + _QUANTISER)
DVAE_UNUSED = (r"preprocessor_mel\..+",)  # window and filters of the mel, which are computed
