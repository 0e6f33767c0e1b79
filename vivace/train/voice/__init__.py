"""Training of the voice model: DVAE, language model and Decoder, vocoder, and export as a checkpoint."""
