"""GPT-SoVITS at its published sizes with random weights: loading, S1 in the engine, every stage of S2.

    python benchmarks/gpt_sovits.py --versions v2 v2ProPlus v4 [--streams 16] [--device cuda]

Random weights do the same arithmetic as trained ones. Seconds are of one run after one to warm up.
"""

import argparse
import json
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import numpy as np
import torch

from vivace.bench.random_gpt_sovits import write_random_gpt_sovits
from vivace.engine.config import EngineConfig
from vivace.engine.engine import Engine, Job
from vivace.engine.sampler import SamplingParams
from vivace.models.gpt_sovits.flow_matching import solve
from vivace.models.gpt_sovits.s1_prompt import S1Input, ar_prompt
from vivace.models.gpt_sovits.vits import VitsModel
from vivace.pipeline.gpt_sovits_loading import GPTSoVITSParts, load_gpt_sovits
from vivace.pipeline.gpt_sovits_stages import STEPS, GPTSoVITSStages
from vivace.pipeline.loading import PrecisionChoice

PHONES, PROMPT, STEPS_S1 = 60, 139, 48  # of recording and text; codes of a recording of five seconds; codes timed
SECONDS = 2.0  # of speech that the stages of S2 make
RECORDING_S = 5.0


def seconds_of(run: Callable[[], object]) -> float:
    """Seconds of a second run."""
    run()
    started = time.perf_counter()
    run()
    return time.perf_counter() - started


def decoding_rate(parts: GPTSoVITSParts, streams: int) -> float:
    """Codes a second of the engine, all streams together."""
    engine = Engine({"code": parts.s1}, EngineConfig(rows=streams, positions=512, long_rows=0), device=parts.device)
    params = SamplingParams(1.0, 1.0, 15, 1.35, min_new_tokens=STEPS_S1 + 8, max_new_tokens=STEPS_S1 + 8)
    for number in range(streams):
        row = S1Input(torch.arange(PHONES) + number, torch.zeros(PHONES, 1024), torch.arange(PROMPT) % 1000)
        engine.submit(Job(ar_prompt(parts.s1, row), params, number))
    for _ in range(4):
        engine.step(0.0)
    started = time.perf_counter()
    for _ in range(STEPS_S1):
        engine.step(0.0)
    return streams * STEPS_S1 / (time.perf_counter() - started)


def decoder_stages(parts: GPTSoVITSParts) -> dict[str, float]:
    """Seconds of each stage of S2 per second of speech."""
    codes = (torch.arange(int(25 * SECONDS)) * 7 % 1024)[None]
    phones = (torch.arange(PHONES // 2) % 300)[None]
    s2 = parts.s2
    if isinstance(s2, VitsModel):
        style = s2.style_of(torch.zeros(1, s2.ref_enc.project.out_features, 1))
        prior = s2.prior(s2.hidden(codes, phones, style))
        latent = s2.flow.inverse(prior.mean, style.decoder)
        found = {
            "content encoder": seconds_of(lambda: s2.prior(s2.hidden(codes, phones, style))),
            "flow": seconds_of(lambda: s2.flow.inverse(prior.mean, style.decoder)),
            "decoder": seconds_of(lambda: s2.dec(latent, style.decoder)),
        }
    else:
        vector = torch.zeros(1, s2.ref_enc.project.out_features, 1)
        speech = s2.condition(codes, phones, vector)
        prompt = torch.zeros(1, 100, s2.version.reference_frames)
        condition = torch.cat((speech.new_zeros(1, speech.shape[1], prompt.shape[2]), speech), dim=2)
        noise, steps = torch.randn(1, 100, condition.shape[2]), STEPS[parts.version]
        assert parts.vocoder is not None, "v3 and v4 have a vocoder"
        vocoder, mel = parts.vocoder, torch.zeros(1, 100, speech.shape[2])
        one = seconds_of(lambda: solve(s2.estimator, condition, prompt, noise, 1))
        found = {
            "condition": seconds_of(lambda: s2.condition(codes, phones, vector)),
            f"flow matching, {steps} steps": one * steps,  # a step is a step
            "vocoder": seconds_of(lambda: vocoder(mel)),
        }
    return {name: seconds / SECONDS for name, seconds in found.items()}


@torch.inference_mode()
def measure(version: str, streams: list[int], device: str, precision: PrecisionChoice) -> dict[str, object]:
    """All figures of one version."""
    with tempfile.TemporaryDirectory() as folder:
        root = write_random_gpt_sovits(Path(folder) / version, version)
        megabytes = sum(file.stat().st_size for file in root.glob("*.safetensors")) / 1e6
        started = time.perf_counter()
        parts = load_gpt_sovits(root, device=device, precision=precision)
        load_s = time.perf_counter() - started
    recording = (0.1 * np.sin(np.arange(int(RECORDING_S * 32_000)) * 0.03)).astype(np.float32)
    stages = GPTSoVITSStages(parts)
    return {
        "version": version,
        "megabytes": round(megabytes),
        "load_s": round(load_s, 2),
        "codes_per_s": {n: round(decoding_rate(parts, n), 1) for n in streams},
        "s_per_s_of_speech": {name: round(s, 3) for name, s in decoder_stages(parts).items()},
        "voice_s": round(seconds_of(lambda: stages.hear([(recording, 32_000)], "你好，今天天气不错。")), 2),
        "peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000),
    }


def main() -> None:
    """Parse, measure, print."""
    parser = argparse.ArgumentParser(description="Time GPT-SoVITS with random weights.")
    parser.add_argument("--versions", nargs="+", default=["v2", "v2Pro", "v2ProPlus", "v4"])
    parser.add_argument("--streams", nargs="+", type=int, default=[1, 16])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--precision", default="auto", help="of S1's matrices")
    parser.add_argument("--threads", type=int)
    given = parser.parse_args()
    if given.threads is not None:
        torch.set_num_threads(given.threads)
    rows = [measure(version, given.streams, given.device, given.precision) for version in given.versions]
    for row in rows:
        for name, value in row.items():
            print(f"{row['version']:>10}  {name:<20}{value}")
    print(json.dumps({"threads": torch.get_num_threads(), "torch": torch.__version__, "rows": rows}))


if __name__ == "__main__":
    main()
