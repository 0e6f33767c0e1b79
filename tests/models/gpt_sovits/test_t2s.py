"""S1 in the engine: the same codes alone, in company and after a break; and against the plain loop."""

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import torch
from fakes.int8_levels import LEVELS, error_ratio, pretend_vnni

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.layers.attention import GrowingKV
from vivace.layers.native.kernels import kernels
from vivace.models.gpt_sovits.t2s.model import S1Model
from vivace.models.gpt_sovits.t2s.prompt import MIN_CODES, S1Input, ar_prompt, s1_prompt
from vivace.models.gpt_sovits.verify.cases import RecordedModels
from vivace.models.gpt_sovits.verify.t2s import S1Sampling, generate
from vivace.types import Precision

GOLDENS = Path(__file__).parents[2] / "goldens" / "gpt_sovits"
CONFIG = EngineConfig(slots=4, positions=256, long_slots=0)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> S1Model:
    return RecordedModels(GOLDENS, tmp_path_factory.mktemp("models")).s1()


def row(number: int, *, codes: int = 9) -> S1Input:
    generator = torch.Generator().manual_seed(number)
    phones = torch.randint(0, 700, (8 + 5 * number,), generator=generator)
    features = torch.randn(len(phones), 1024, generator=generator)
    return S1Input(phones, features, torch.randint(0, 1024, (codes + number,), generator=generator))


def job(model: S1Model, given: S1Input, *, seed: int | None = None, codes: int = 40) -> EngineRequest:
    params = SamplingParams(
        temperature=1.0,
        top_p=1.0,
        top_k=1 if seed is None else 15,
        repetition_penalty=1.35,
        min_new_tokens=MIN_CODES,
        max_new_tokens=codes,
    )
    return EngineRequest(ar_prompt(model, given), params, seed)


@dataclass
class Heard:
    codes: list[int] = field(default_factory=list)
    finish_reason: str | None = None


def run(engine: Engine, jobs: list[EngineRequest]) -> list[Heard]:
    heard = {engine.submit(one): Heard() for one in jobs}
    while not engine.idle:
        for update in engine.step(0.0):
            assert update.error is None
            if update.codes is not None:
                heard[update.id].codes.append(int(update.codes[0]))
            heard[update.id].finish_reason = update.finish_reason or heard[update.id].finish_reason
    return list(heard.values())


@pytest.mark.parametrize("codes", [9, 0])
@torch.inference_mode()
def test_the_engine_says_what_the_plain_loop_says(model: S1Model, codes: int) -> None:
    rows = [replace(row(n), codes=row(n).codes[: codes + n if codes else 0]) for n in range(4)]
    heard = run(Engine({"code": model}, CONFIG), [job(model, given) for given in rows])
    for given, one in zip(rows, heard, strict=True):
        greedy = S1Sampling(top_k=1)
        trace = generate(model, s1_prompt(model, [given]), [given.codes], greedy, 39)[0]
        assert one.codes == trace.new
        assert (one.finish_reason == "length") == trace.early
        assert len(one.codes) >= MIN_CODES


@pytest.mark.parametrize("greedy", [False, True])
@torch.inference_mode()
def test_a_row_is_the_same_alone_in_company_and_after_a_break(model: S1Model, greedy: bool) -> None:
    rows = [row(n) for n in range(6)]
    jobs = [job(model, r, seed=None if greedy else n) for n, r in enumerate(rows)]
    together = run(Engine({"code": model}, CONFIG), jobs)
    parted = run(Engine({"code": model}, replace(CONFIG, slots=2, preempt_after_steps=3)), jobs)
    for n, one in enumerate(jobs):
        alone = run(Engine({"code": model}, CONFIG), [one])[0]
        assert together[n].codes == alone.codes
        assert parted[n].codes == alone.codes
    assert len({tuple(one.codes) for one in together}) > 1


@torch.inference_mode()
def test_one_step_at_a_time_is_the_whole_at_once(model: S1Model) -> None:
    """Cached against uncached: the logits after a prompt of so many codes."""
    given = row(2, codes=12)
    shorter = replace(given, codes=given.codes[:-1])
    whole = s1_prompt(model, [given])
    store = GrowingKV(model.config.layers, prefix_len=len(given.phones))
    want = model(whole.prompt.embeddings, whole.positions, store)[:, -1]
    part = s1_prompt(model, [shorter])
    store = GrowingKV(model.config.layers, prefix_len=len(given.phones))
    model(part.prompt.embeddings, part.positions, store)
    last = given.codes[-1:].view(1, 1, 1)
    got = model(model.embed(last), part.positions[:, -1:] + 1, store)[:, -1]
    torch.testing.assert_close(got, want, atol=1e-5, rtol=0)


@torch.inference_mode()
def test_laid_out_for_speed_it_says_the_same_and_a_batch_changes_no_bit(tmp_path: Path) -> None:
    plain, fast = (RecordedModels(GOLDENS, tmp_path).s1() for _ in range(2))
    fast.fuse()
    rows = [row(n) for n in range(4)]
    want = run(Engine({"code": plain}, CONFIG), [job(plain, r, seed=n) for n, r in enumerate(rows)])
    got = run(Engine({"code": fast}, CONFIG), [job(fast, r, seed=n) for n, r in enumerate(rows)])
    assert [one.codes for one in got] == [one.codes for one in want]


@pytest.mark.parametrize("levels", LEVELS)
@torch.inference_mode()
def test_int8_stays_close(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, levels: int) -> None:
    pretend_vnni(monkeypatch, levels)
    stays_close(tmp_path, "int8", 0.03 * error_ratio(levels))


@torch.inference_mode()
def test_bfloat16_stays_close(tmp_path: Path) -> None:
    stays_close(tmp_path, "bfloat16", 0.03)


def stays_close(tmp_path: Path, precision: Precision, tolerance: float) -> None:
    plain, coarse = (RecordedModels(GOLDENS, tmp_path).s1() for _ in range(2))
    coarse.fuse(precision)
    given = row(1)
    logits = []
    for model in (plain, coarse):
        prompt = s1_prompt(model, [given])
        store = GrowingKV(model.config.layers, prefix_len=len(given.phones))
        hidden = model(prompt.prompt.embeddings, prompt.positions, store)[:, -1]
        logits.append(model.logits(hidden))
    heard = run(
        Engine({"code": coarse}, CONFIG, dtype=coarse.kv_dtype), [job(coarse, row(n), seed=n) for n in range(4)]
    )
    assert (plain.kv_dtype, coarse.kv_dtype) == (torch.float32, torch.bfloat16 if kernels() else torch.float32)
    assert all(len(one.codes) >= MIN_CODES for one in heard)
    relative = (logits[0] - logits[1]).pow(2).mean().sqrt() / logits[0].pow(2).mean().sqrt()
    assert 0 < float(relative) < tolerance
