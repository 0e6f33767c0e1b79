"""The corpus of the embedded voice: sentences, teachers, recordings, alignments, and its form on disk."""
