"""A finished speech as bytes, exactly: one line of JSON, then the samples as they are."""

import json
from dataclasses import asdict

import numpy as np

from vivace.pipeline.speech import Speech, SpeechStats
from vivace.pipeline.speech_check import PieceFault

SAMPLE = np.dtype("<f4")


def pack_speech(speech: Speech) -> bytes:
    """For ``unpack_speech``."""
    head = json.dumps({"sample_rate": speech.sample_rate, "stats": asdict(speech.stats)}, separators=(",", ":"))
    return head.encode() + b"\n" + np.ascontiguousarray(speech.samples, SAMPLE).tobytes()


def unpack_speech(record: bytes) -> Speech:
    """The same speech, bit by bit; its samples are read-only."""
    end = record.index(b"\n")
    head = json.loads(record[:end])
    samples = np.frombuffer(record, SAMPLE, offset=end + 1)
    stats = {**head["stats"], "faults": tuple(PieceFault(**fault) for fault in head["stats"].get("faults", ()))}
    return Speech(samples, head["sample_rate"], SpeechStats(**stats))
