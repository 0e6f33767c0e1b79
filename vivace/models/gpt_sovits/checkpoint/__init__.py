"""Checkpoint files: original installations, conversion to safetensors, loading."""
