"""The acoustic models (S2 in GPT-SoVITS): semantic codes to a waveform, whole and as a stream."""
