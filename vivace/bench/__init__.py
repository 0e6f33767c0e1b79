"""Measuring and verifying: every stage held against recorded numbers."""
