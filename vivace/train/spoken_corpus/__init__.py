"""A corpus of natural speech: texts, mixes of voices, shards that survive a stop at any moment."""
