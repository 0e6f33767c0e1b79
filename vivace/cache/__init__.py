"""Finished work, kept: in memory, on disk, or both. Holds bytes under content keys, and knows nothing of speech."""
