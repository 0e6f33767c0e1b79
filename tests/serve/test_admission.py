"""Who speaks, who waits, who is sent away."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from vivace.errors import DeadlineError
from vivace.serve.admission import AdmissionQueue
from vivace.serve.errors import BusyError, RequestError

Scene = Callable[[], Awaitable[None]]


def play(scene: Scene) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(10):
            await scene()

    asyncio.run(bounded())


async def hold(admission: AdmissionQueue, until: asyncio.Event, entered: list[int], number: int) -> None:
    async with admission.place():
        entered.append(number)
        await until.wait()


def test_so_many_speak_the_next_wait_in_order_and_one_more_is_sent_away() -> None:
    async def scene() -> None:
        admission, entered = AdmissionQueue(2, 2, 60.0), list[int]()
        gates = [asyncio.Event() for _ in range(4)]
        tasks = [asyncio.create_task(hold(admission, gate, entered, n)) for n, gate in enumerate(gates)]
        await asyncio.sleep(0)
        assert (entered, admission.active, admission.waiting) == ([0, 1], 2, 2)
        with pytest.raises(BusyError) as caught:
            async with admission.place():
                raise AssertionError("there is no place")
        assert caught.value.retry_after_s > 0
        gates[1].set()
        await asyncio.sleep(0.01)
        assert entered == [0, 1, 2]
        for gate in gates:
            gate.set()
        await asyncio.gather(*tasks)
        assert (entered, admission.active, admission.waiting) == ([0, 1, 2, 3], 0, 0)

    play(scene)


def test_who_waits_too_long_is_told_and_leaves_the_queue() -> None:
    async def scene() -> None:
        admission, gate = AdmissionQueue(1, 5, 0.05), asyncio.Event()
        admission._average_s = 0.0  # so that the wait is thought to be short
        task = asyncio.create_task(hold(admission, gate, [], 0))
        await asyncio.sleep(0)
        with pytest.raises(DeadlineError):
            async with admission.place():
                raise AssertionError("there is no place")
        assert admission.waiting == 0
        gate.set()
        await task
        assert admission.active == 0

    play(scene)


def test_a_wait_longer_than_the_deadline_is_not_begun() -> None:
    async def scene() -> None:
        admission, gate = AdmissionQueue(1, 100, 0.5), asyncio.Event()  # requests are thought to last a second
        task = asyncio.create_task(hold(admission, gate, [], 0))
        await asyncio.sleep(0)
        with pytest.raises(BusyError, match="wait is about 1 s"):
            async with admission.place():
                raise AssertionError("there is no place")
        gate.set()
        await task

    play(scene)


def test_whoever_leaves_the_queue_or_the_place_makes_room() -> None:
    async def scene() -> None:
        admission, entered, never = AdmissionQueue(1, 5, 60.0), list[int](), asyncio.Event()
        tasks = [asyncio.create_task(hold(admission, never, entered, n)) for n in range(4)]
        await asyncio.sleep(0)
        tasks[1].cancel()  # waits
        tasks[0].cancel()  # speaks
        await asyncio.sleep(0.01)
        assert (entered, admission.active, admission.waiting) == ([0, 2], 1, 1)
        tasks[2].cancel()
        tasks[3].cancel()  # just as it is given the place
        await asyncio.gather(*tasks, return_exceptions=True)
        assert (admission.active, admission.waiting) == (0, 0)

    play(scene)


def test_draining_refuses_the_new_and_waits_for_the_old() -> None:
    async def scene() -> None:
        admission, gate = AdmissionQueue(1, 5, 60.0), asyncio.Event()

        async def answer() -> None:
            with admission.unsent():
                await hold(admission, gate, [], 0)

        task = asyncio.create_task(answer())
        await asyncio.sleep(0)
        drained = asyncio.create_task(admission.drained())
        await asyncio.sleep(0.01)
        assert not drained.done()
        with pytest.raises(RequestError, match="about to stop"):
            async with admission.place():
                raise AssertionError("there is no place")
        gate.set()
        await task
        await drained

    play(scene)


def test_speech_that_goes_on_and_on_lengthens_the_wait_before_it_ends() -> None:
    async def scene() -> None:
        now = [0.0]
        admission, gate = AdmissionQueue(1, 100, 10.0, clock=lambda: now[0]), asyncio.Event()
        task = asyncio.create_task(hold(admission, gate, [], 0))
        await asyncio.sleep(0)
        assert admission.expected_wait_s() == pytest.approx(1.0)
        now[0] = 6.0
        assert admission.expected_wait_s() == pytest.approx(6.0)
        with pytest.raises(BusyError, match="about 6 s"):
            async with admission.place():
                raise AssertionError("there is no place")
        gate.set()
        await task
        assert admission.expected_wait_s() == 0

    play(scene)
