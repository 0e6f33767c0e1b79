"""Verification of GPT-SoVITS against recorded outputs of its reference. Synthesis uses none of this."""
