"""A third model family: a made-up autoregressive model and a sine vocoder. It speaks by being registered."""
