"""A small recognizer of phones and tones (connectionist temporal classification)."""
