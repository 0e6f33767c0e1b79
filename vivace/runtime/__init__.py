"""The device and its randomness."""
