"""``vivace verify``: load the checkpoint of a goldens folder and hold every recorded array against our own."""

import hashlib
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from vivace.bench.goldens import chattts_e2e, chattts_frames, chattts_model, chattts_speaker, chattts_tokenizer
from vivace.bench.goldens.gpt_sovits import verify_gpt_sovits
from vivace.bench.goldens.report import Goldens, Row, run_check
from vivace.errors import InputError
from vivace.layers.fsq import Regime
from vivace.layers.native.kernels import deactivate
from vivace.models.chattts.checkpoint.parts import ChatTTSParts, load_chattts

REGIMES: tuple[Regime, ...] = ("a", "b", "c")


def _check_files(goldens: Goldens, recorded: dict[str, str]) -> Iterator[Row]:
    for name, want in recorded.items():
        path = goldens.folder / "checkpoint" / name
        got = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "missing"
        yield Row(f"checkpoint/{name} sha256", got == want, None, 0.0, "" if got == want else f"{got[:12]}…")


def _chattts_checks(
    goldens: Goldens, load: Callable[[Regime], ChatTTSParts]
) -> Iterator[tuple[str, Callable[[], Iterator[Row]]]]:
    """Each check of the family with a name to report it by."""
    parts = load("a")
    model, vocos = parts.model, parts.vocoder
    yield "00", partial(chattts_tokenizer.check_speech, goldens)
    yield "01", partial(chattts_tokenizer.check_tokenizer, goldens, model)
    yield "02", partial(chattts_model.check_embed, goldens, model)
    yield "03 prefill", partial(chattts_model.check_prefill, goldens, model)
    yield "03 greedy", partial(chattts_model.check_greedy, goldens, model)
    yield "04", partial(chattts_model.check_processors, goldens)
    yield "05 decoder", partial(chattts_frames.check_decoder, goldens, model)
    yield "06", partial(chattts_frames.check_vocos, goldens, vocos)
    yield "07", partial(chattts_speaker.check_speakers, goldens, model)
    yield "08", partial(chattts_speaker.check_normaliser, goldens)
    yield "09", partial(chattts_e2e.check_runs, goldens, (model, vocos), "09_e2e")
    for regime in REGIMES:
        other = load(regime)
        dvae = other.model.dvae
        assert dvae is not None, "the recorded checkpoint has a DVAE"
        if regime == "a":
            yield "05 encoder", partial(chattts_frames.check_encoder, goldens, dvae)
        yield f"05 {regime}", partial(chattts_frames.check_quantiser, goldens, dvae, f"05_dvae_fsq_{regime}.npz")
        if (goldens.folder / f"09_e2e_fsq_{regime}.npz").is_file():
            runs = partial(chattts_e2e.check_runs, goldens, (other.model, other.vocoder), f"09_e2e_fsq_{regime}")
            yield f"09 {regime}", runs


def _uncompared(manifest: list[dict[str, object]], rows: list[Row]) -> Iterator[Row]:
    """Arrays of the manifest that no check looked at."""
    seen = {row.name.split(" ")[0] for row in rows}
    for entry in manifest:
        for name in entry.get("arrays", {}):  # type: ignore[attr-defined]
            if f"{entry['file']}:{name}" not in seen:
                yield Row(f"{entry['file']}:{name}", False, None, 0.0, "nothing was compared with it")


def verify_folder(folder: Path) -> list[Row]:
    """Every comparison of one goldens folder, in order.

    Raises:
        InputError: ``folder`` holds no goldens.
        WeightsError: a checkpoint of it does not load.
    """
    deactivate()  # recordings are compared with plain torch, whatever was loaded before in this process
    goldens = Goldens(folder)
    manifest = goldens.json("manifest.json") if (folder / "manifest.json").is_file() else {}
    if str(manifest.get("reference", "")).startswith("GPT-SoVITS"):
        return verify_gpt_sovits(folder)
    if not (folder / "checkpoint" / "asset").is_dir() or not manifest:
        raise InputError(f"{folder} holds no goldens; give a folder with manifest.json and the checkpoints it records")
    rows = list(_check_files(goldens, manifest.get("checkpoint_sha256", {})))
    root = folder / "checkpoint"
    for label, check in _chattts_checks(goldens, lambda regime: load_chattts(root, regime=regime)):
        rows += run_check(label, check)
    return rows + list(_uncompared(manifest["files"], rows))
