"""The refine pass alone: text rewritten with fillers, pauses and laughs."""

from queue import SimpleQueue

from vivace.engine.worker import Finished, Message, Order, Worker
from vivace.errors import TTSError
from vivace.pipeline.family import Stages


def refined(stages: Stages, worker: Worker, text: str, prompt: str, seed: int) -> str:
    """Normalised ``text`` as the model would rather say it. Raises: InputError when the model cannot; EngineError."""
    messages = SimpleQueue[Message]()
    asked = stages.refine_prompt(text, prompt)
    worker.submit(Order(lambda: stages.refine_job(asked, seed), messages.put, ramp=None))
    message = messages.get()
    if isinstance(message, TTSError):
        raise message
    assert isinstance(message, Finished), "a refine pass makes no sound"
    return stages.rewritten(message.codes)
