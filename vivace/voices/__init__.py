"""Voices: the value, its file format, the folders they are kept in. Lies below the models."""
