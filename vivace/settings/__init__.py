"""One frozen configuration from one YAML file, ``VIVACE_*`` environment variables and keywords.

Keywords (the command line's flags) win over the environment, the environment over the file, the file over the
defaults written here. A key that does not exist fails, with the nearest one that does. Nothing else in the package
reads ``os.environ``.
"""

from vivace.settings.config import InferenceConfig, TextConfig, TTSConfig, known_keys

__all__ = ["InferenceConfig", "TTSConfig", "TextConfig", "known_keys"]
