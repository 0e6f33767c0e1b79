from vivace.train.schedule import EarlyStop


def test_it_stops_after_so_many_evaluations_without_gain() -> None:
    stop = EarlyStop(patience=2)
    assert [stop.improved(loss) for loss in (3.0, 2.0, 2.5)] == [True, True, False]
    assert not stop.over
    assert stop.improved(1.0)
    assert not stop.improved(1.0)
    assert not stop.improved(1.1)
    assert stop.over
