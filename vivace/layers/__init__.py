"""Building blocks of several models: attention, norms, convolutions, quantizers. They know no model by name."""
