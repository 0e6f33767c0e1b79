"""``vivace say``: speak a text, from an argument, a file or stdin."""

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from typer import Argument, Option

from vivace.cli.output import progress_bar
from vivace.errors import InputError
from vivace.types import LanguageChoice, PrecisionChoice, TextFormat

if TYPE_CHECKING:
    from vivace.pipeline.speech import SpeechStats


def read_text(text: str | None, file: str | None) -> str:
    """``text``, or the content of ``file``, where ``-`` is stdin.

    Raises:
        InputError: none or both are given, or the file is missing or not UTF-8.
    """
    if (text is None) == (file is None):
        what = "no text" if text is None else "text given twice"
        raise InputError(f"{what}; give either TEXT or -f FILE (-f - for stdin)")
    if file is None:
        return text or ""
    name = "stdin" if file == "-" else repr(file)
    try:
        content = sys.stdin.buffer.read() if file == "-" else Path(file).read_bytes()
        return content.decode("utf-8-sig")  # a byte order mark is no text
    except OSError as exc:
        raise InputError(f"cannot read {name}: {exc.strerror or exc}; give a text file with -f") from exc
    except UnicodeDecodeError as exc:
        raise InputError(
            f"{name} is not UTF-8 text (byte {exc.start} is {content[exc.start]:#04x}); save it as UTF-8"
        ) from exc


def say(
    text: Annotated[str | None, Argument(help="Text to speak.", show_default=False)] = None,
    file: Annotated[str | None, Option("--file", "-f", help="File with the text. - is stdin.")] = None,
    output: Annotated[
        str, Option("--output", "-o", help="Output file: .wav, .mp3, .opus, .aac, .flac or .pcm. - is stdout.")
    ] = "out.wav",
    format: Annotated[
        str | None, Option("--format", help="Audio format. Default: from the name of the output.")
    ] = None,
    model: Annotated[
        str | None, Option("--model", "-m", help="Folder or hub address. Default: the embedded voice.")
    ] = None,
    voice: Annotated[str | None, Option("--voice", "-v", help="Voice of `vivace voices list`.")] = None,
    language: Annotated[LanguageChoice | None, Option("--language", "-l", help="Language of the text.")] = None,
    lexicon: Annotated[
        Path | None,
        Option("--lexicon", help="File of your own readings: a word, a tab, then pinyin, ARPAbet or other words."),
    ] = None,
    text_format: Annotated[
        TextFormat | None, Option("--text-format", help="Format of the text. Default: auto, unmistakable markup.")
    ] = None,
    speed: Annotated[float | None, Option("--speed", "-s", help="Speed, 0.25 to 4. The pitch does not change.")] = None,
    seed: Annotated[
        int | None, Option("--seed", help="Random seed. The same seed, text and voice give the same samples.")
    ] = None,
    stream: Annotated[bool, Option("--stream", help="Write each sentence when it is ready, with -o -.")] = False,
    temperature: Annotated[
        float | None, Option("--temperature", help="Sampling temperature. Higher is livelier and less reliable.")
    ] = None,
    top_p: Annotated[float | None, Option("--top-p", help="Nucleus sampling: probability mass to sample from.")] = None,
    top_k: Annotated[int | None, Option("--top-k", help="Top-k sampling: number of codes to sample from.")] = None,
    refine: Annotated[
        str | None, Option("--refine", help="Let the model add oral tags, such as '[oral_2][break_4]'.")
    ] = None,
    device: Annotated[str | None, Option("--device", help="Device: auto, cpu, cuda:0 and so on.")] = None,
    precision: Annotated[
        PrecisionChoice | None,
        Option("--precision", help="Precision of the language model. Fewer bits are faster on the CPU."),
    ] = None,
    config: Annotated[Path | None, Option("--config", help="YAML file of settings.")] = None,
    as_json: Annotated[bool, Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Speak TEXT into a file, and print its path, its duration and the speed (RTF)."""
    written = read_text(text, file)

    from vivace.pipeline.output import check_output, encode_chunks
    from vivace.settings import TTSConfig

    target = check_output(output, format)
    if target.path is None and sys.stdout.isatty():
        raise InputError("stdout is a terminal, and sound is not for reading; pipe it on, or name a file with -o")
    flags = {"voice": voice, "language": language, "speed": speed, "seed": seed}
    sampling = {"temperature": temperature, "top_p": top_p, "top_k": top_k}
    machine = {"device": device, "precision": precision}
    settings = TTSConfig.load(
        config,
        model=model,
        **machine,
        text={"lexicon": lexicon, "format": text_format},
        inference={**flags, **sampling},
    )

    from vivace.pipeline.output import speak_to_file
    from vivace.pipeline.tts import TTS

    with TTS(config=settings) as tts, progress_bar("speaking") as progress:
        if target.path is not None:
            stats = speak_to_file(tts, written, target.path, target.format, refine=refine, progress=progress)
            sys.stdout.write(_result(target.path, stats, as_json))
            return
        if stream:
            blocks = encode_chunks(tts.stream(written, refine=refine, progress=progress), target.format)
        else:
            blocks = iter([tts.synthesize(written, refine=refine, progress=progress).encode(target.format)])
        for block in blocks:
            sys.stdout.buffer.write(block)
            sys.stdout.buffer.flush()
        totals = tts.get_performance_stats()
    sys.stderr.write(f"{totals.audio_s:.2f} s  RTF {totals.rtf:.3f}\n")


def _result(path: Path, stats: "SpeechStats", as_json: bool) -> str:
    if as_json:
        return json.dumps({"path": str(path), **asdict(stats), "rtf": stats.rtf}, ensure_ascii=False) + "\n"
    return f"{path}  {stats.duration_s:.2f} s  RTF {stats.rtf:.3f}  voice {stats.voice}  seed {stats.seed}\n"
