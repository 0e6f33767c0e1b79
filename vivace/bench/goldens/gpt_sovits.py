"""Every recorded case of GPT-SoVITS against our own parts."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from vivace.bench.goldens import gpt_sovits_s1, gpt_sovits_vits
from vivace.bench.goldens.gpt_sovits_cases import Case, Recorded, uncompared
from vivace.bench.goldens.gpt_sovits_models import RecordedModels
from vivace.bench.goldens.report import Check, Goldens, Row, run_check
from vivace.errors import InputError

GROUPS = ("s1", "sampling", "s2_v2", "s2_v2Pro")


def verify_gpt_sovits(folder: Path, groups: Sequence[str] = GROUPS) -> list[Row]:
    """Every comparison of the groups, in order. Raises: InputError when the folder cannot be read; WeightsError."""
    recorded = Recorded(Goldens(folder))
    rows = list(recorded.file_rows())
    with TemporaryDirectory(prefix="vivace-verify-") as work:
        models = RecordedModels(folder, Path(work))
        for group in groups:
            cases = recorded.cases(group)
            for case in cases:
                rows += run_check(f"{group}/{case.name}", _check(case, models))
            rows += list(uncompared(cases, rows))
    return rows


def _check(case: Case, models: RecordedModels) -> Check:
    """What runs a case."""

    def run() -> Iterator[Row]:
        match case.runner:
            case "sampling":
                return gpt_sovits_s1.check_sampling(case)
            case "s1_prefill" | "s1_generate" | "s1_batch" | "s1_stream":
                checks = {
                    "s1_prefill": gpt_sovits_s1.check_prefill,
                    "s1_generate": gpt_sovits_s1.check_generate,
                    "s1_batch": gpt_sovits_s1.check_batch,
                    "s1_stream": gpt_sovits_s1.check_stream,
                }
                return checks[case.runner](case, models.s1())
            case "vits_decode":
                return gpt_sovits_vits.check_decode(case, models.vits(case.group))
            case "vits_stream":
                return gpt_sovits_vits.check_stream(case, models.vits(case.group))
            case "extract_latent":
                return gpt_sovits_vits.check_codes(case, models.vits(case.group).quantiser)
        raise InputError(f"{case.group}/{case.name} is of a kind that is not known: {case.runner}")

    return run
