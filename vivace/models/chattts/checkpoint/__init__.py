"""Checkpoint files: sizes, legacy files, conversion, loading, quantized copies."""
