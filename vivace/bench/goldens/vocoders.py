"""Group ``vocoders``: mel to a wave, and the anti-aliased activation alone."""

from collections.abc import Callable, Iterator

from torch import Tensor

from vivace.bench.goldens.gpt_sovits_cases import Case
from vivace.bench.goldens.report import Row
from vivace.vocoder.alias_free import AliasFreeSnake, low_pass

WAVE = 3e-4
ACTIVATION = 1e-5


def check_vocode(case: Case, vocoder: Callable[[Tensor], Tensor]) -> Iterator[Row]:
    """Log-mel to a wave."""
    yield case.row("audio", vocoder(case.inputs["mel"])[:, None], WAVE)


def check_activation(case: Case, logarithms: dict[str, Tensor]) -> Iterator[Row]:
    """Up, snake, down; ``logarithms``: those of frequency (``alpha``) and size (``beta``) of each channel."""
    x = case.inputs["x"]
    snake = AliasFreeSnake(x.shape[1])
    snake.act.load_state_dict(logarithms)
    up = snake.up(x)
    yield case.row("up", up, ACTIVATION)
    yield case.row("activated", snake.act(up), ACTIVATION)
    yield case.row("out", snake(x), ACTIVATION)
    for name in ("filter_up", "filter_down"):
        yield case.row(name, low_pass()[None, None], 1e-6)
