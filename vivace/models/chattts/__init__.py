"""The ChatTTS family: a Llama that writes four audio codes a frame, spectrogram decoders, speaker strings."""
