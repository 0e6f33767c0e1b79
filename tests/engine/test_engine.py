"""The engine on a real small model: what a request says depends on nothing but the request."""

import functools
import random
from dataclasses import dataclass, field, replace

import pytest
import torch
from fakes.ar_model import FakeARModel
from fakes.ar_model import prompt as fake_prompt
from fakes.tiny_llama import TINY, tiny_modes
from hypothesis import given, settings
from hypothesis import strategies as st

from vivace.engine.engine import Engine, EngineRequest
from vivace.engine.generate import SeededNoise, generate, greedy
from vivace.engine.protocols import ARPrompt, SharedPrefix
from vivace.engine.sampler_state import SamplingParams
from vivace.engine.sequence import EngineConfig
from vivace.errors import DeadlineError, EngineError, InputError, QueueFullError, TTSError
from vivace.layers.attention import KVStore

CONFIG = EngineConfig(slots=8, positions=512, long_slots=0, text_slots=2)
CODE, TEXT, EMBEDDINGS = tiny_modes()


@dataclass
class Heard:
    """What came out of the engine for one job."""

    codes: list[list[int]] = field(default_factory=list)
    hidden: list[torch.Tensor] = field(default_factory=list)
    finish_reason: str | None = None
    error: TTSError | None = None


def make_engine(config: EngineConfig = CONFIG) -> Engine:
    return Engine({"code": CODE, "text": TEXT}, config)


def make_job(number: int, mode: str = "code", *, frames: int | None = None, sampled: bool = True) -> EngineRequest:
    """A request of its own length and settings, all a function of its number."""
    rng = random.Random(number)
    ids = torch.tensor([[rng.randrange(40) for _ in range(rng.randint(3, 30))]])
    params = SamplingParams(
        temperature=tuple(rng.uniform(0.3, 1.5) for _ in range(4 if mode == "code" else 1)),
        top_p=rng.choice([None, 0.7, 0.95, 1.0]),
        top_k=rng.choice([None, 1, 5, 20, 40]),
        repetition_penalty=rng.choice([1.0, 1.05, 1.3]),
        min_new_tokens=rng.choice([0, 3, 10]),
        max_new_tokens=frames or rng.randint(1, 40),
    )
    x = EMBEDDINGS.emb_text(ids)
    prompt = ARPrompt(x, torch.ones(ids.shape, dtype=torch.bool))
    return EngineRequest(prompt, params, number if sampled else None, mode, priority=rng.randint(0, 1))


def drain(engine: Engine, heard: dict[int, Heard], limit: int = 2000) -> None:
    for _ in range(limit):
        if engine.idle:
            return
        listen(engine, heard)
    raise AssertionError("the engine does not come to rest")


def listen(engine: Engine, heard: dict[int, Heard], now: float = 0.0) -> None:
    for update in engine.step(now):
        own = heard.setdefault(update.id, Heard())
        if update.codes is not None and update.hidden is not None:
            own.codes.append(update.codes.tolist())
            own.hidden.append(update.hidden)
        own.finish_reason, own.error = update.finish_reason, update.error


@functools.cache
def request_alone(number: int, mode: str) -> Heard:
    return alone(make_job(number, mode))


def alone(job: EngineRequest) -> Heard:
    engine, heard = make_engine(), dict[int, Heard]()
    id = engine.submit(job)
    drain(engine, heard)
    return heard[id]


def test_alone_it_says_what_the_plain_loop_says() -> None:
    for number in range(6):
        for mode, model in (("code", CODE), ("text", TEXT)):
            job = make_job(number, mode)
            assert job.seed is not None
            (row,) = generate(model, job.prompt, job.params, SeededNoise((job.seed,)))
            heard = alone(job)
            assert heard.codes == row.codes.tolist()
            assert heard.finish_reason == ("stop" if row.stopped else "length")
            if heard.hidden:
                torch.testing.assert_close(torch.stack(heard.hidden), row.hidden, atol=1e-5, rtol=0)


def test_greedy_says_what_the_plain_loop_says() -> None:
    job = make_job(3, sampled=False)
    (row,) = generate(CODE, job.prompt, job.params, greedy)
    assert alone(job).codes == row.codes.tolist()


@settings(max_examples=12, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.sampled_from(["code", "text"]), st.integers(0, 6)), min_size=1, max_size=10
    )
)
def test_alone_equals_batched_to_bits(requests: list[tuple[int, str, int]]) -> None:
    """Whoever joins and leaves meanwhile: the same codes, and the same hidden states to the last bit."""
    engine, heard = make_engine(), dict[int, Heard]()
    sent: dict[int, tuple[int, str]] = {}
    for number, mode, pause in requests:
        sent[engine.submit(make_job(number, mode))] = (number, mode)
        for _ in range(pause):
            listen(engine, heard)
    drain(engine, heard)
    for id, (number, mode) in sent.items():
        want = request_alone(number, mode)
        assert heard[id].codes == want.codes
        assert heard[id].finish_reason == want.finish_reason
        assert all(torch.equal(a, b) for a, b in zip(heard[id].hidden, want.hidden, strict=True))


def test_parked_and_resumed_equals_undisturbed() -> None:
    """Two rows for nine requests, turns of four steps, and rows that are outgrown."""
    config = replace(CONFIG, slots=2, positions=40, long_slots=1, long_positions=512, preempt_after_steps=4)
    engine, heard = make_engine(config), dict[int, Heard]()
    jobs = {engine.submit(job): job for job in (make_job(n, frames=60) for n in range(9))}
    preempted = 0
    while not engine.idle:
        listen(engine, heard)
        preempted = max(preempted, engine.load.preempted)
    assert preempted > 1, "nothing was preempted, so this test shows nothing"
    for id, job in jobs.items():
        assert heard[id].codes == alone(job).codes


def test_a_shared_prefix_is_read_once_and_changes_nothing() -> None:
    jobs = []
    voice = torch.randint(0, 40, (1, 12))
    for number in range(4):
        job = make_job(number)
        x = torch.cat((EMBEDDINGS.emb_text(voice), job.prompt.embeddings), 1)
        shared = ARPrompt(x, torch.ones(x.shape[:2], dtype=torch.bool), shared=SharedPrefix("voice", 12))
        jobs.append(replace(job, prompt=shared))
    engine, heard = make_engine(), dict[int, Heard]()
    ids = [engine.submit(job) for job in jobs]
    drain(engine, heard)
    assert engine.load.prefix_bytes == 2 * TINY.num_hidden_layers * 32 * 12 * 4  # keys and values of 12 positions
    for id, job in zip(ids, jobs, strict=True):
        assert heard[id].codes == alone(job).codes
        assert job.seed is not None
        (row,) = generate(CODE, replace(job.prompt, shared=None), job.params, SeededNoise((job.seed,)))
        assert heard[id].codes == row.codes.tolist()


def test_numbers_that_are_not_finite_fail_alone() -> None:
    """Nor does the row remember: who comes next into it speaks as ever."""
    config = EngineConfig(slots=4, positions=64, long_slots=0)
    engine, heard = Engine({"code": FakeARModel()}, config), dict[int, Heard]()
    params = SamplingParams(1.0, None, None, 1.0, max_new_tokens=6)
    good = [EngineRequest(fake_prompt(1, first=n), params, None) for n in range(3)]
    sick = EngineRequest(ARPrompt(torch.full((1, 3, 3), torch.nan), torch.ones(1, 3, dtype=torch.bool)), params, None)
    ids = [engine.submit(job) for job in (good[0], sick, good[1])]
    drain(engine, heard)
    later = engine.submit(good[2])
    drain(engine, heard)
    assert isinstance(heard[ids[1]].error, EngineError)
    assert "not finite at frame 0" in str(heard[ids[1]].error)
    for id, job in ((ids[0], good[0]), (ids[2], good[1]), (later, good[2])):
        (row,) = generate(FakeARModel(), job.prompt, job.params, greedy)
        assert heard[id].codes == row.codes.tolist()


def test_settings_that_do_not_fit_are_refused_before_anything_runs() -> None:
    engine = make_engine()
    for wrong, says in (
        (SamplingParams(temperature=(0.3, 0.3)), "2 temperatures for 4 codebooks"),
        (SamplingParams(repetition_window=100), "repetition_window is 100; give at most 32"),
    ):
        with pytest.raises(InputError, match=says):
            engine.submit(replace(make_job(1), params=wrong))
    assert engine.idle


def test_a_prompt_that_cannot_be_read_fails_alone() -> None:
    class NoRoom(FakeARModel):
        def forward(self, x: torch.Tensor, positions: torch.Tensor, store: KVStore) -> torch.Tensor:
            if x.shape[1] == 9:
                raise RuntimeError("out of memory\nsecond line")
            return super().forward(x, positions, store)

    engine, heard = Engine({"code": NoRoom()}, EngineConfig(slots=4, positions=64, long_slots=0)), dict[int, Heard]()
    before = engine.load
    params = SamplingParams(1.0, None, None, 1.0, max_new_tokens=6)
    good = [EngineRequest(fake_prompt(1, first=n), params, None) for n in range(2)]
    ids = [engine.submit(job) for job in (good[0], EngineRequest(fake_prompt(1, length=9), params, None), good[1])]
    drain(engine, heard)
    assert "a prompt of 9 positions could not be read (out of memory)" in str(heard[ids[1]].error)
    for id, job in ((ids[0], good[0]), (ids[2], good[1])):
        (row,) = generate(FakeARModel(), job.prompt, job.params, greedy)
        assert heard[id].codes == row.codes.tolist()
    assert replace(engine.load, steps=0, frames=0) == replace(before, steps=0, frames=0)


def test_a_passed_deadline_is_an_error_of_its_own() -> None:
    engine, heard = make_engine(), dict[int, Heard]()
    slow = replace(make_job(1).params, min_new_tokens=40, max_new_tokens=40)
    late = engine.submit(replace(make_job(1), params=slow, deadline=2.0))
    other = engine.submit(make_job(2, frames=5))
    listen(engine, heard, 0.0)
    listen(engine, heard, 2.5)
    assert isinstance(heard[late].error, DeadlineError)
    drain(engine, heard)
    assert heard[other].codes == alone(make_job(2, frames=5)).codes


@pytest.mark.parametrize("seed", range(4))
def test_submits_aborts_and_deadlines_leave_everything_where_it_was(seed: int) -> None:
    rng = random.Random(seed)
    engine, heard = make_engine(replace(CONFIG, slots=3, queue_size=12, preempt_after_steps=5)), dict[int, Heard]()
    before, alive = engine.load, list[int]()
    for action in range(250):
        try:
            job = make_job(action, rng.choice(["code", "code", "text"]))
            alive.append(engine.submit(replace(job, deadline=rng.choice([None, action + rng.randint(1, 60)]))))
        except QueueFullError:
            pass
        if alive and rng.random() < 0.3:
            engine.abort(alive.pop(rng.randrange(len(alive))))
        if rng.random() < 0.7:
            listen(engine, heard, float(action))
    while not engine.idle:
        listen(engine, heard, 1000.0)
    assert replace(engine.load, steps=0, frames=0) == replace(before, steps=0, frames=0)
    assert not engine._tracks  # nothing of anybody is kept


def test_an_abort_frees_the_row_at_once() -> None:
    engine, heard = make_engine(replace(CONFIG, slots=1)), dict[int, Heard]()
    first, second = engine.submit(make_job(1, frames=30)), engine.submit(make_job(2, frames=3))
    listen(engine, heard)
    engine.abort(first)
    listen(engine, heard)
    assert heard[second].codes


def test_the_cache_is_sized_once() -> None:
    engine = make_engine(EngineConfig(slots=4, positions=64, long_slots=0, text_slots=0))
    assert engine.load.cache_bytes == 2 * TINY.num_hidden_layers * 4 * 64 * 32 * 4
