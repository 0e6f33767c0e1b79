"""The refine pass alone: text rewritten with fillers, pauses and laughs."""

from queue import SimpleQueue

from vivace.engine.thread import EngineThread, Finished, GenerationRequest, RequestOutput
from vivace.errors import InputError, TTSError
from vivace.models.family import ModelFamily, TextRewriter


def require_rewriter(family: ModelFamily) -> TextRewriter:
    """The refine pass of a model. Raises: InputError when it has none."""
    if family.rewriter is None:
        raise InputError("this model cannot rewrite text; leave refine out, or load one that can")
    return family.rewriter


def refined(stages: ModelFamily, worker: EngineThread, text: str, prompt: str, seed: int) -> str:
    """Normalised ``text`` as the model would rather say it. Raises: InputError when the model cannot; EngineError."""
    messages = SimpleQueue[RequestOutput]()
    rewriter = require_rewriter(stages)
    asked = rewriter.prompt(text, prompt)
    worker.submit(GenerationRequest(lambda: rewriter.request(asked, seed), messages.put, chunk_schedule=None))
    message = messages.get()
    if isinstance(message, TTSError):
        raise message
    assert isinstance(message, Finished), "a refine pass makes no sound"
    return rewriter.decode(message.codes)
