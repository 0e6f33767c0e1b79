"""Making a voice: corpus, codes, language model and Decoder, vocoder, checkpoint.

Needs ``pip install 'vivace[train]'``; the teachers, espeak-ng and flite, are programs of the system.
"""
