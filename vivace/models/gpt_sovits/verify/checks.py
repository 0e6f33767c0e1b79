"""Every recorded case of GPT-SoVITS against our own parts."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vivace.errors import InputError
from vivace.models.gpt_sovits.verify import reference, s2, t2s
from vivace.models.gpt_sovits.verify.cases import Case, Recorded, RecordedModels, uncompared
from vivace.models.verification import Check, Goldens, Row, run_check

GROUPS = ("s1", "sampling", "s2_v2", "s2_v2Pro", "s2_v3", "s2_v4", "vocoders", "reference", "text")


def verify(folder: Path, groups: Sequence[str] = GROUPS) -> list[Row]:
    """Every comparison of the groups, in order. Raises: InputError when the folder cannot be read; WeightsError."""
    recorded = Recorded(Goldens(folder))
    rows = list(recorded.file_rows())
    with TemporaryDirectory(prefix="vivace-verify-") as work:
        models = RecordedModels(folder, Path(work))
        for group in groups:
            if group == "text":
                rows += run_check(group, partial(reference.check_text, recorded.goldens))
                continue
            cases = recorded.cases(group)
            for case in cases:
                rows += run_check(f"{group}/{case.name}", _check(case, recorded, models))
            rows += list(uncompared(cases, rows))
    return rows


def _check(case: Case, recorded: Recorded, models: RecordedModels) -> Check:
    """The function that runs a case."""
    runners: dict[str, Callable[[], Iterator[Row]]] = {
        "sampling": lambda: t2s.check_sampling(case),
        "s1_prefill": lambda: t2s.check_prefill(case, models.s1()),
        "s1_generate": lambda: t2s.check_generate(case, models.s1()),
        "s1_batch": lambda: t2s.check_batch(case, models.s1()),
        "s1_stream": lambda: t2s.check_stream(case, models.s1()),
        "vits_decode": lambda: s2.check_decode(case, models.vits(str(case.model))),
        "vits_stream": lambda: s2.check_stream(case, models.vits(str(case.model))),
        "extract_latent": lambda: s2.check_codes(case, models.s2(str(case.model)).quantizer),
        "v3_encode": lambda: s2.check_encode(case, models.flow(str(case.model))),
        "dit_forward": lambda: s2.check_network(case, models.flow(str(case.model))),
        "cfm": lambda: s2.check_solver(case, models.flow(str(case.model))),
        "v3_synth": lambda: s2.check_windows(
            case, models.flow(str(case.model)), models.vocoder(case.params["vocoder"])
        ),
        "v3_synth_batched": lambda: s2.check_parallel_windows(
            case, models.flow(str(case.model)), models.vocoder(case.params["vocoder"])
        ),
        "vocode": lambda: s2.check_vocoder(case, models.vocoder(str(case.model))),
        "snakebeta": lambda: s2.check_activation(
            case, *(recorded.array("vocoders", f"activation.{name}") for name in ("alpha", "beta"))
        ),
        "resample_torchaudio": lambda: reference.check_resample(case),
        "resample_librosa": lambda: reference.check_feature_resample(case),
        "spectrogram": lambda: reference.check_spectrogram(case),
        "mel": lambda: reference.check_mel(case),
        "mel_bank": lambda: reference.check_mel_bank(case),
        "fbank": lambda: reference.check_filter_bank(case),
        "sv_embed": lambda: reference.check_speaker(case, models.speaker()),
        "sola": lambda: reference.check_splice(case),
    }
    if case.runner not in runners:
        raise InputError(f"{case.group}/{case.name} is of a kind that is not known: {case.runner}")
    return runners[case.runner]
