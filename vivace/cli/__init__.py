"""The command line. Thin: parse, call, print; what a command does, Python users have in ``vivace.pipeline`` too."""
