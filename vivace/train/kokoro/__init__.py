"""Kokoro-82M as a teacher: natural speech of both languages, out of ordinary packages. Used while training only."""
