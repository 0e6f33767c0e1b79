"""Building blocks of several models: attention, norms, convolutions, quantisers. They know no model by name."""
