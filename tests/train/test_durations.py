import random

import numpy as np

from vivace.models.chattts.text import pace_of
from vivace.train.corpus.dataset import Utterance, phone_tokens, vocabulary
from vivace.train.voice.export import fit_durations

TRUE = {token: 2.0 + n % 5 for n, token in enumerate(phone_tokens()[:40])}
PACES = {"slow": 0.9, "quick": 1.1}


def utterance(rng: random.Random, number: int) -> Utterance:
    speaker = rng.choice(sorted(PACES))
    tokens = tuple(rng.choices(sorted(TRUE), k=rng.randint(5, 40)))
    tags = (f"[speed_{rng.randrange(10)}]",) if number % 2 else ()
    frames = sum(TRUE[t] for t in tokens) / PACES[speaker] / pace_of("".join(tags))
    return Utterance(speaker, "en", str(number), (*tags, *tokens), (), round(frames))


def test_durations_are_found_whoever_speaks_at_whatever_pace() -> None:
    rng = random.Random(0)
    durations = fit_durations([utterance(rng, n) for n in range(600)])
    ids = {token: i for i, token in enumerate(vocabulary())}
    found = np.array([durations.frames[ids[token]] for token in TRUE])
    np.testing.assert_allclose(found, list(TRUE.values()), atol=0.4, rtol=0)
    assert durations.frames[ids["[speed_3]"]] == 0
    assert (durations.frames >= 0).all()
    for u in (utterance(rng, n) for n in range(50)):
        heard = [ids[token] for token in u.tokens if not token.startswith("[")]
        expected = durations.expect(heard, pace_of(u.tokens[0])) / PACES[u.speaker]
        assert abs(expected - u.frames) < 0.07 * u.frames + 1
