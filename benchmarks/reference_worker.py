"""The reference package ChatTTS as a process that answers requests: ``benchmarks/reference_package.py`` starts it.

usage: PYTHON -I benchmarks/reference_worker.py FOLDER

PYTHON is that of an environment with the package; nothing of Vivace is imported. FOLDER is a cache of the Hugging
Face hub with the checkpoint in it. The first line of the output names the versions. Each line of the input is a
request, ``{"texts": [...], "frames": 100, "seed": 0}``: all texts are spoken as one batch, of exactly so many frames
each. The answer is a line with the seconds that it took and the number of samples of each text. Only public names of
the package are used.
"""

import importlib
import json
import os
import sys
import time
from importlib.metadata import version
from typing import Any

PACKAGES = ("ChatTTS", "torch", "transformers")


def main() -> None:
    """Load, then speak until the input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # the package prints
    os.environ["HF_HUB_OFFLINE"] = "1"
    torch = importlib.import_module("torch")
    chat = importlib.import_module("ChatTTS").Chat()
    if not chat.load(source="huggingface", custom_path=sys.argv[1], device=torch.device("cpu")):
        raise SystemExit("the package could not load the checkpoint")
    voice = chat.sample_random_speaker()
    facts: dict[str, object] = {name: version(name) for name in PACKAGES}
    print(json.dumps(facts | {"threads": torch.get_num_threads()}), file=answers, flush=True)
    for line in sys.stdin:
        request = json.loads(line)
        started = time.perf_counter()
        waves = _speak(chat, voice, request)
        seconds = time.perf_counter() - started
        print(json.dumps({"seconds": seconds, "samples": [len(wave) for wave in waves]}), file=answers, flush=True)


def _speak(chat: Any, voice: str, request: dict[str, Any]) -> list[Any]:
    """The samples of each text, by the package's defaults but for length, seed and the pass that rewrites the text."""
    sampling = chat.InferCodeParams(
        spk_emb=voice,
        min_new_token=request["frames"],
        max_new_token=request["frames"],
        manual_seed=request["seed"],
        show_tqdm=False,
    )
    made = chat.infer(request["texts"], skip_refine_text=True, split_text=False, params_infer_code=sampling)
    return list(made)


if __name__ == "__main__":
    main()
