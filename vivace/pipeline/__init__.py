"""Where text, models, engine and vocoder meet: the only place that knows all of them."""
