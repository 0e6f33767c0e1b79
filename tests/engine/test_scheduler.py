"""Policy in simulated time: no model, no tensors, a clock that the test turns."""

import random

import pytest

from vivace.engine.scheduler import Admit, Free, Move, Preempt, Scheduler, SwapIn
from vivace.engine.sequence import Phase, Sequence, Slot, SlotPool
from vivace.errors import QueueFullError, TextTooLongError

SHORT, LONG = SlotPool("code", 2, 20), SlotPool("code", 1, 100)


def make(*lanes: SlotPool, queue: int = 8, preempt_after_steps: int = 5, budget: int = 50) -> Scheduler:
    return Scheduler(
        lanes or (SHORT, LONG), queue_size=queue, preempt_after_steps=preempt_after_steps, prefill_budget=budget
    )


def seq(id: int, prompt: int = 4, most: int = 20, **more: object) -> Sequence:
    return Sequence(id, "code", prompt, most, **more)  # type: ignore[arg-type]


def step(scheduler: Scheduler, lanes: int = 2) -> None:
    for lane in range(lanes):
        for sequence in scheduler.running(lane):
            scheduler.advance(sequence)


def test_a_request_is_admitted_in_the_step_it_arrives_in() -> None:
    scheduler, one = make(), seq(1)
    scheduler.add(one)
    assert scheduler.plan(0).operations == (Admit(one, Slot(0, 0)),)
    assert one.phase is Phase.RUNNING
    assert one.length == 4


def test_first_come_first_served_within_a_priority() -> None:
    scheduler = make(SlotPool("code", 1, 50))
    low, high, later = seq(1), seq(2, priority=1), seq(3, priority=1)
    for s in (low, high, later):
        scheduler.add(s)
    assert scheduler.plan(0).operations == (Admit(high, Slot(0, 0)),)
    scheduler.remove(high)
    assert scheduler.plan(0).operations == (Admit(later, Slot(0, 0)),)


def test_rows_in_use_stay_the_first_ones() -> None:
    scheduler = make(SlotPool("code", 3, 50))
    rows = [seq(i) for i in range(3)]
    for s in rows:
        scheduler.add(s)
    scheduler.plan(0)
    assert scheduler.remove(rows[0]) == Move(rows[2], Slot(0, 2), Slot(0, 0))
    assert rows[2].slot == Slot(0, 0)
    assert scheduler.remove(rows[1]) == Free(Slot(0, 1))
    assert scheduler.running(0) == (rows[2],)


def test_what_outgrows_its_row_moves_to_a_longer_one() -> None:
    scheduler, one = make(), seq(1, prompt=18, most=60)
    scheduler.add(one)
    scheduler.plan(0)
    step(scheduler)
    assert not scheduler.plan(0).operations
    step(scheduler)  # 20 positions: full
    assert scheduler.plan(0).operations == (Preempt(one, Slot(0, 0)), Free(Slot(0, 0)), SwapIn(one, Slot(1, 0)))
    assert one.length == 20


def test_a_long_prompt_goes_straight_to_a_long_row_and_short_ones_leave_it_alone() -> None:
    scheduler = make(budget=100)
    shorts, long, other = [seq(i) for i in range(2)], seq(8, prompt=50, most=90), seq(9)
    for s in (*shorts, other, long):
        scheduler.add(s)
    operations = scheduler.plan(0).operations
    assert Admit(long, Slot(1, 0)) in operations
    assert other.phase is Phase.WAITING


def test_a_free_long_row_that_nobody_needs_takes_a_short_request() -> None:
    scheduler = make()
    three = [seq(i) for i in range(3)]
    for s in three:
        scheduler.add(s)
    scheduler.plan(0)
    assert three[2].slot == Slot(1, 0)


def test_a_turn_ends_only_when_somebody_waits() -> None:
    scheduler = make(SlotPool("code", 1, 50), preempt_after_steps=3)
    one, two = seq(1, most=50), seq(2, most=50)
    scheduler.add(one)
    scheduler.plan(0)
    for _ in range(4):
        step(scheduler, 1)
        assert not scheduler.plan(0).operations
    scheduler.add(two)
    assert scheduler.plan(0).operations == (Preempt(one, Slot(0, 0)), Free(Slot(0, 0)), Admit(two, Slot(0, 0)))
    assert one.phase is Phase.PREEMPTED
    for _ in range(3):
        step(scheduler, 1)
    assert scheduler.plan(0).operations == (Preempt(two, Slot(0, 0)), Free(Slot(0, 0)), SwapIn(one, Slot(0, 0)))


def test_importance_does_not_wait_for_the_end_of_a_turn() -> None:
    scheduler = make(SlotPool("code", 1, 50))
    low, high = seq(1), seq(2, priority=1)
    scheduler.add(low)
    scheduler.plan(0)
    scheduler.add(high)
    assert scheduler.plan(0).operations[0] == Preempt(low, Slot(0, 0))
    assert high.phase is Phase.RUNNING


def test_prompts_share_a_budget_but_one_is_always_admitted() -> None:
    scheduler = make(SlotPool("code", 3, 200), budget=50)
    huge, small = seq(1, prompt=120, most=150), seq(2, prompt=10)
    scheduler.add(huge)
    scheduler.add(small)
    assert [op.sequence for op in scheduler.plan(0).operations if isinstance(op, Admit)] == [huge]
    assert [op.sequence for op in scheduler.plan(0).operations if isinstance(op, Admit)] == [small]


def test_deadlines_end_those_who_run_and_those_who_wait() -> None:
    scheduler = make(SlotPool("code", 1, 50))
    runs, waits = seq(1, deadline=5.0), seq(2, deadline=3.0)
    scheduler.add(runs)
    scheduler.add(waits)
    scheduler.plan(0)
    assert scheduler.plan(3.0).expired == (waits,)
    plan = scheduler.plan(5.0)
    assert plan.expired == (runs,)
    assert plan.operations == (Free(Slot(0, 0)),)
    assert scheduler.idle


def test_refusals_say_what_to_do() -> None:
    scheduler = make(queue=1)
    with pytest.raises(TextTooLongError, match="may need 500 positions, the engine's slots have 100"):
        scheduler.add(seq(1, most=500))
    scheduler.add(seq(2))
    with pytest.raises(QueueFullError, match="1 requests wait"):
        scheduler.add(seq(3))


def test_removing_twice_is_nothing() -> None:
    scheduler, one = make(), seq(1)
    scheduler.add(one)
    assert scheduler.remove(one) is None
    assert scheduler.remove(one) is None
    assert scheduler.idle


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_the_books_agree_with_the_rows(seed: int) -> None:
    """Random arrivals, aborts and deadlines; a mirror of the device follows the operations."""
    rng = random.Random(seed)
    scheduler = make(
        SlotPool("code", 3, 20), SlotPool("code", 1, 60), preempt_after_steps=rng.choice([1, 4, 1000]), queue=6
    )
    device: dict[Slot, int] = {}
    alive: dict[int, Sequence] = {}

    def perform(operation: object) -> None:
        match operation:
            case Admit(s, place) | SwapIn(s, place):
                assert place not in device, "a row is given away twice"
                device[place] = s.id
            case Preempt(s, place):
                assert device[place] == s.id
            case Move(s, source, target):
                assert device.pop(source) == s.id
                device[target] = s.id
            case Free(place):
                del device[place]

    for now in range(300):
        if rng.random() < 0.4:
            most = rng.choice([10, 20, 55])
            s = seq(now, rng.randint(1, 9), most, priority=rng.randint(0, 1), deadline=now + rng.randint(5, 400))
            try:
                scheduler.add(s)
                alive[s.id] = s
            except QueueFullError:
                pass
        if alive and rng.random() < 0.1:
            operation = scheduler.remove(alive.pop(rng.choice(list(alive))))
            if operation is not None:
                perform(operation)
        plan = scheduler.plan(float(now))
        for expired in plan.expired:
            del alive[expired.id]
        for op in plan.operations:
            perform(op)
        running = {s.slot: s.id for lane in range(2) for s in scheduler.running(lane)}
        assert running == device
        step(scheduler)
        for s in list(alive.values()):
            if s.phase is Phase.RUNNING and s.length >= s.max_len:
                last = scheduler.remove(alive.pop(s.id))
                assert last is not None
                perform(last)
    for s in alive.values():
        final = scheduler.remove(s)
        if final is not None:
            perform(final)
    assert scheduler.idle
    assert not device
