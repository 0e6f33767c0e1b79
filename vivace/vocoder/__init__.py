"""Frames to wave."""
