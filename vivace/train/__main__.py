"""``python -m vivace.train STAGE`` is ``vivace train STAGE`` of this Python."""

from vivace.train.command_line import app

if __name__ == "__main__":
    app(prog_name="vivace train")
