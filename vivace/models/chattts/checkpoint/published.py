"""The files of published checkpoints, with their sizes and fingerprints: what a download must equal to the byte."""

from vivace.weights.files import Digest
from vivace.weights.manifest import Manifest, RemoteFile

# SHA-256, bytes, path
_CHATTTS = """
77aa55e0a977949c4733df3c6f876fa85860d3298cba63295a7bc6901729d4e0 103694920 asset/Decoder.safetensors
1d0b044a8368c0513100a2eca98456b289e6be6a18b7a63be1bcaa315ea874d9  60359112 asset/DVAE.safetensors
2ff0be7134934155741b643b74e32fb6bf3eec41257984459b2ed60cdb4c48b0 145598536 asset/Embed.safetensors
07e5561491cce41f7f90cfdb94b2ff263ff5742c3d89339db99b17ad82cc3f44  54348240 asset/Vocos.safetensors
0aaa1ecd96c49ad4f473459eb1982fa7ad79fa5de08cde2781bf6ad1f9a0c236       762 asset/gpt/config.json
cd0806fd971f52f6a22c923ec64982b305e817bcc41ca83417fcf9141b984a0f 853423872 asset/gpt/model.safetensors
bd0ac9d9bb1657996b5c5fbcaa7d80f8de530d01a283da97f89deae5b1b8d011      7847 asset/tokenizer/special_tokens_map.json
43e9d658b554fa5ee8d8e1d763349323bfef1ed7a89c0794220ab8861387d421     11028 asset/tokenizer/tokenizer_config.json
843838a64e121e23e774cc75874c6fe862198d9f7dd43747914633a8fd89c20e    448604 asset/tokenizer/tokenizer.json
"""


def _files(table: str) -> tuple[RemoteFile, ...]:
    rows = (line.split() for line in table.strip().splitlines())
    return tuple(RemoteFile(path, int(size), Digest("sha256", sha256)) for sha256, size, path in rows)


CHATTTS = Manifest("2Noise/ChatTTS", "1a3c04a8b0651689bd9242fbb55b1f4b5a9aef84", _files(_CHATTTS))
PUBLISHED: dict[str, Manifest] = {CHATTTS.repo: CHATTTS}
