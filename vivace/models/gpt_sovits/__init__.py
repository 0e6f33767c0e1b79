"""GPT-SoVITS: semantic tokens from phones and a recording (S1), and a wave from tokens (S2). Versions v1 to v4."""
