"""Model families: what each knows about prompts, codes and frames. No family knows the engine or another family."""
