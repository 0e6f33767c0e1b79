"""Frames to wave."""

CHUNK_FRAMES = 500  # of the windows of a long run, as ChatTTS's optimization guides advise
