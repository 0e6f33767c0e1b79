"""Group ``vocoders``: BigVGAN, the HiFi-GAN of v4, and the activation of the former alone."""

from collections.abc import Callable, Iterator

from torch import Tensor

from vivace.bench.goldens.gpt_sovits_cases import Case
from vivace.bench.goldens.report import Row
from vivace.vocoder.alias_free import AliasFreeSnake

WAVE, ACTIVATION = 3e-4, 1e-5


def check_vocoder(case: Case, vocode: Callable[[Tensor], Tensor]) -> Iterator[Row]:
    """A mel to a wave."""
    yield case.row("audio", vocode(case.inputs["mel"])[:, None], WAVE)


def check_activation(case: Case, alpha: Tensor, beta: Tensor) -> Iterator[Row]:
    """Twice the rate, activated, and back; ``alpha`` and ``beta`` ``[C]`` are logarithms."""
    snake = AliasFreeSnake(len(alpha)).requires_grad_(False)
    snake.act.alpha.copy_(alpha)
    snake.act.beta.copy_(beta)
    for output in ("filter_up", "filter_down"):
        yield case.row(output, snake.filter.view(1, 1, -1), 1e-7)
    up = snake.up(case.inputs["x"])
    yield case.row("up", up, ACTIVATION)
    activated = snake.act(up)
    yield case.row("activated", activated, ACTIVATION)
    yield case.row("out", snake.down(activated), ACTIVATION)
