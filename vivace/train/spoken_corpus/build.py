"""Makes the corpus shard by shard, always of the voice that has said least, until the hours are there."""

import hashlib
import json
import logging
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vivace.errors import InputError
from vivace.models.chattts.text import word_tokens
from vivace.text import phones
from vivace.train.corpus.build import Line
from vivace.train.corpus.prosody import perform
from vivace.train.corpus.recording import Recording, Samples, Teacher, with_edges
from vivace.train.kokoro.teacher import EDGE_S
from vivace.train.spoken_corpus.lines import Texts, balanced
from vivace.train.spoken_corpus.shards import Take, finished, shard_folder, spoken_seconds, write_shard

log = logging.getLogger(__name__)
MANIFEST = "manifest.json"
MARGINS_S = (0.06, 0.1)  # of silence at both ends
SHORTEST_S, LONGEST_S = 0.25, 20.0


@dataclass(frozen=True)
class Part:
    """What one voice says and with which teacher."""

    mix: str
    teacher: Teacher
    texts: Texts


def take_of(line: Line, voice: str, teacher: Teacher) -> tuple[Take, Samples] | None:
    """None when the teacher cannot say the line, or what it made has no length that speech has."""
    words = phones(line.text)
    try:
        recording = perform(teacher, words, rising=False, edge_s=EDGE_S)  # this teacher lifts questions itself
    except ValueError as exc:
        log.debug("%s: %s", line.text, exc)
        return None
    tokens = tuple(token for word in words for token in word_tokens(word))
    if recording is None or not tokens:
        return None
    digest = hashlib.sha256(line.text.encode()).digest()
    before, after = (MARGINS_S[0] + (MARGINS_S[1] - MARGINS_S[0]) * byte / 255 for byte in digest[:2])
    spoken = with_edges(recording, before, after)
    if not SHORTEST_S <= spoken.seconds <= LONGEST_S:
        return None
    return Take(voice, line.kind, line.text, tokens, _starts(spoken, len(tokens)), len(spoken.samples)), spoken.samples


def _starts(recording: Recording, tokens: int) -> tuple[float, ...]:
    """Of every token; one without an anchor of its own, such as a tag, begins with the next one that has."""
    times = np.full(tokens + 1, np.inf)
    times[tokens] = recording.seconds
    for anchor in recording.anchors:
        times[min(anchor.token, tokens)] = min(times[min(anchor.token, tokens)], anchor.seconds)
    return tuple(round(float(t), 4) for t in np.minimum.accumulate(times[::-1])[::-1][:tokens])


def build(root: Path, parts: Mapping[str, Part], *, hours: float, origin: Mapping[str, object]) -> None:
    """Add shards below ``root`` until there are ``hours`` in all. It may be stopped at any moment and started again.

    Args:
        origin: everything that the recordings depend on; kept in the manifest, and compared with it when there is one.

    Raises:
        InputError: the folder was begun with another origin.
    """
    root.mkdir(parents=True, exist_ok=True)
    _check_manifest(root / MANIFEST, {**origin, "mixes": {voice: part.mix for voice, part in parts.items()}})
    seconds = {voice: spoken_seconds(root, voice) for voice in parts}
    while sum(seconds.values()) < hours * 3600:
        voice = balanced(seconds)
        number, began = len(finished(root, voice)), time.process_time()
        made = write_shard(shard_folder(root, voice, number), _takes(parts[voice], voice, number))
        seconds[voice] += made
        worked = time.process_time() - began
        log.info(
            "%s shard %d: %.0f s in %.0f s of one core, %.2f each; %.2f of %.1f hours",
            voice, number, made, worked, worked / max(made, 1e-3), sum(seconds.values()) / 3600, hours,
        )  # fmt: skip


def _takes(part: Part, voice: str, number: int) -> Iterator[tuple[Take, Samples]]:
    for line in part.texts.shard(number):
        if (made := take_of(line, voice, part.teacher)) is not None:
            yield made


def _check_manifest(path: Path, origin: Mapping[str, object]) -> None:
    """Voices may be added; nothing else may change."""
    if path.is_file():
        known = json.loads(path.read_text(encoding="utf-8"))
        mixes = {**known.pop("mixes"), **dict(origin["mixes"])}  # type: ignore[call-overload]
        changed = {key for key in known if known[key] != origin.get(key)}
        changed |= {v for v, mix in json.loads(path.read_text(encoding="utf-8"))["mixes"].items() if mixes[v] != mix}
        if changed:
            raise InputError(f"{path.parent} was begun with other {', '.join(sorted(changed))}; choose another folder")
        origin = {**origin, "mixes": mixes}
    temporary = path.with_suffix(".tmp")
    temporary.write_text(json.dumps(origin, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    temporary.replace(path)
