"""The ``vivace`` command: the sub-commands meet here, and an error becomes one line and an exit code."""

import io
import logging
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from typing import Annotated

import typer

from vivace.cli import bench, checks, models, say, serve, text, train, voices
from vivace.errors import TTSError
from vivace.version import __version__

INTERRUPTED = 130  # 128 + SIGINT, as shells report it
SHOWN = 4  # lines of a message; only a list of misfitting tensors has more
LISTENER_GONE = 141  # 128 + SIGPIPE: `vivace … | head` is no failure of ours

app = typer.Typer(
    name="vivace",
    help="Text to speech with models of several families, and a small embedded voice.",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help starts in half the time
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("say")(say.say)
app.command("serve")(serve.serve)
app.add_typer(voices.app, name="voices")
app.add_typer(models.app, name="models")
app.add_typer(text.app, name="text")
app.command("verify")(checks.verify)
app.add_typer(train.app, name="train")
app.add_typer(checks.eval_app, name="eval")
app.add_typer(bench.app, name="bench")
app.command("doctor")(checks.doctor)


def _print_version(wanted: bool) -> None:
    if wanted:
        sys.stdout.write(f"vivace {__version__}\n")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Log every step, and print a traceback for errors.")] = False,
) -> None:
    """Text to speech with models of several families, and a small embedded voice."""
    if debug:
        logging.basicConfig(level=logging.DEBUG, format="%(levelname)s %(name)s: %(message)s")


def run(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the ``vivace`` script; leaves with the exit code of the error, or 0."""
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8")  # text and results are UTF-8, whatever the locale says
    sys.exit(exit_code([_as_utf8(word) for word in (sys.argv[1:] if arguments is None else arguments)]))


def _as_utf8(argument: str) -> str:
    """An argument whose bytes Python could not decode in an ASCII locale, as UTF-8; others unchanged."""
    try:
        return argument if argument.isascii() else os.fsencode(argument).decode("utf-8")
    except UnicodeError:  # a file name in another encoding
        return argument


def exit_code(arguments: list[str], command: Callable[..., object] = app) -> int:
    """Run one command; print at most one line about an error; return the code to leave with."""
    try:
        code = command(args=arguments or ["--help"], prog_name="vivace", standalone_mode=False)
        sys.stdout.flush()  # so that a closed pipe is met here, and not when the interpreter ends
    except (BrokenPipeError, SystemExit) as exc:  # typer turns a closed pipe into an exit
        if not isinstance(exc, BrokenPipeError) and not isinstance(exc.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what is still to be flushed goes nowhere
        return LISTENER_GONE
    except (KeyboardInterrupt, typer.Abort):
        return INTERRUPTED
    except typer.TyperException as exc:
        return _complain(_usage(exc), exc.exit_code)
    except TTSError as exc:
        return _complain(str(exc), exc.exit_code, debug="--debug" in arguments)
    except Exception as exc:
        if "--debug" not in arguments:
            return _complain(f"{type(exc).__name__}: {exc}; `vivace --debug …` shows where", 1)
        return _complain(f"{type(exc).__name__}: {exc}", 1, debug=True)
    return code if isinstance(code, int) else 0


def _usage(exc: typer.TyperException) -> str:
    context = getattr(exc, "ctx", None)  # of errors about the arguments of one command
    command = context.command_path if context else "vivace"
    reason = exc.format_message().replace("Value error, ", "").rstrip(".")
    return f"{reason} (see `{command} --help`)"


def _complain(message: str, code: int, *, debug: bool = False) -> int:
    if debug:
        traceback.print_exc()
    lines = message.splitlines()
    more = f" … and {len(lines) - SHOWN} more; `vivace --debug …` lists them" if len(lines) > SHOWN else ""
    sys.stderr.write(f"error: {' '.join(' '.join(lines[:SHOWN]).split())}{more}\n")
    return code
