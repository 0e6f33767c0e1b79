"""Verification of ChatTTS against recorded outputs of its reference. Synthesis uses none of this."""
