"""Judges that nobody here trained, out of packages: what is understood, how clean it sounds, whether one person speaks.

Nothing is ever trained on what they find.
"""
