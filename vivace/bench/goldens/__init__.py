"""Comparisons of one model family's stages with recorded arrays, one file per stage."""
