"""Prefill, decode, sample. Knows models only as ``ARModel``."""
