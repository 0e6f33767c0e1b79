"""Reference recordings: the networks and spectrograms that turn a recording into a voice."""
