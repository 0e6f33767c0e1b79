"""The text-to-semantic model (S1 in GPT-SoVITS): phones and text features to semantic codes."""
