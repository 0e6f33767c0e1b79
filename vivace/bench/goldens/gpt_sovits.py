"""Every recorded case of GPT-SoVITS against our own parts."""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from vivace.bench.goldens import gpt_sovits_flow as flow
from vivace.bench.goldens import gpt_sovits_reference as reference
from vivace.bench.goldens import gpt_sovits_s1 as s1
from vivace.bench.goldens import gpt_sovits_text as text
from vivace.bench.goldens import gpt_sovits_vits as vits
from vivace.bench.goldens import gpt_sovits_vocoders as vocoders
from vivace.bench.goldens.gpt_sovits_cases import Case, Recorded, uncompared
from vivace.bench.goldens.gpt_sovits_models import RecordedModels
from vivace.bench.goldens.report import Check, Goldens, Row, run_check
from vivace.errors import InputError

GROUPS = ("s1", "sampling", "s2_v2", "s2_v2Pro", "s2_v3", "s2_v4", "vocoders", "reference", "text")


def verify_gpt_sovits(folder: Path, groups: Sequence[str] = GROUPS) -> list[Row]:
    """Every comparison of the groups, in order. Raises: InputError when the folder cannot be read; WeightsError."""
    recorded = Recorded(Goldens(folder))
    rows = list(recorded.file_rows())
    with TemporaryDirectory(prefix="vivace-verify-") as work:
        models = RecordedModels(folder, Path(work))
        for group in groups:
            if group == "text":
                rows += run_check(group, partial(text.check_text, recorded.goldens))
                continue
            cases = recorded.cases(group)
            for case in cases:
                rows += run_check(f"{group}/{case.name}", _check(case, recorded, models))
            rows += list(uncompared(cases, rows))
    return rows


def _check(case: Case, recorded: Recorded, models: RecordedModels) -> Check:
    """What runs a case."""
    runners: dict[str, Callable[[], Iterator[Row]]] = {
        "sampling": lambda: s1.check_sampling(case),
        "s1_prefill": lambda: s1.check_prefill(case, models.s1()),
        "s1_generate": lambda: s1.check_generate(case, models.s1()),
        "s1_batch": lambda: s1.check_batch(case, models.s1()),
        "s1_stream": lambda: s1.check_stream(case, models.s1()),
        "vits_decode": lambda: vits.check_decode(case, models.vits(str(case.model))),
        "vits_stream": lambda: vits.check_stream(case, models.vits(str(case.model))),
        "extract_latent": lambda: vits.check_codes(case, models.s2(str(case.model)).quantiser),
        "v3_encode": lambda: flow.check_encode(case, models.flow(str(case.model))),
        "dit_forward": lambda: flow.check_network(case, models.flow(str(case.model))),
        "cfm": lambda: flow.check_solver(case, models.flow(str(case.model))),
        "v3_synth": lambda: flow.check_windows(
            case, models.flow(str(case.model)), models.vocoder(case.params["vocoder"])
        ),
        "v3_synth_batched": lambda: flow.check_parallel_windows(
            case, models.flow(str(case.model)), models.vocoder(case.params["vocoder"])
        ),
        "vocode": lambda: vocoders.check_vocoder(case, models.vocoder(str(case.model))),
        "snakebeta": lambda: vocoders.check_activation(
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
