"""Adversarial training of a Vocos, and measuring how well one copies recordings. Source: arXiv:2306.00814."""
