"""Compiled kernels of decode steps and ConvNeXt blocks, with plain torch where there is no library."""
