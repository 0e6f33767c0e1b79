"""A corpus of natural speech: what is said, by which mix of voices, in shards that survive a stop at any moment."""
