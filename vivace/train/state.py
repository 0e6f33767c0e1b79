"""The state of a training run as one safetensors file, so that it can be taken up again."""

from pathlib import Path

from torch import Tensor, nn
from torch.optim import Optimizer

from vivace.train.schedule import TrainingProgress
from vivace.weights.load import read_tensors, write_tensors

MODEL, MOMENTS = "model.", "moments."


def save_state(path: Path, module: nn.Module, optimiser: Optimizer, progress: TrainingProgress) -> None:
    """Weights, moments of the optimiser and the place in the budget; replaces ``path`` at once."""
    tensors = {MODEL + key: value.detach().contiguous() for key, value in module.state_dict().items()}
    for index, slots in optimiser.state_dict()["state"].items():
        for name, value in slots.items():
            tensors[f"{MOMENTS}{index}.{name}"] = value.detach().contiguous()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_tensors(path, tensors, {"step": str(progress.step), "seconds": repr(progress.seconds)})


def load_weights(path: Path, module: nn.Module) -> None:
    """The weights of a saved state alone. Raises: RuntimeError when they are those of another preset."""
    tensors, _ = read_tensors(path)
    module.load_state_dict({k.removeprefix(MODEL): v for k, v in tensors.items() if k.startswith(MODEL)})


def resume(path: Path, module: nn.Module, optimiser: Optimizer) -> TrainingProgress:
    """Take a run up where ``path`` left it, or start when there is no such file."""
    if not path.is_file():
        return TrainingProgress()
    load_weights(path, module)
    tensors, metadata = read_tensors(path)
    slots: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        if key.startswith(MOMENTS):
            index, _, name = key.removeprefix(MOMENTS).partition(".")
            slots.setdefault(int(index), {})[name] = value
    optimiser.load_state_dict({"state": slots, "param_groups": optimiser.state_dict()["param_groups"]})
    return TrainingProgress(step=int(metadata["step"]), seconds_before=float(metadata["seconds"]))
