from vivace.runtime.memory import give_back_free_memory


def test_free_memory_can_be_given_back_at_any_time() -> None:
    held = [bytes(100_000) for _ in range(100)]
    del held[::2]
    give_back_free_memory()
    assert all(len(block) == 100_000 for block in held)
