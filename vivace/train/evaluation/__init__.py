"""How well a trained voice speaks, measured against the recordings of its teacher."""
