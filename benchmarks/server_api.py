"""Whatever the OpenAPI document allows, against a real server: no 5xx, and every answer as the document says.

python -m benchmarks.server_api [SECONDS] [SEED] [MODEL]      # needs schemathesis: pip install 'vivace[dev]'

The server has API keys and CORS, and the requests come from an allowed page with a key.
"""

import json
import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from benchmarks.server_process import ServerProcess

SECONDS = int(sys.argv[1]) if len(sys.argv) > 1 else 1200
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 1
MODEL = sys.argv[3:4]
# A schema can neither say which strings are voices, speaker strings or printable names, nor that one part of a request
# needs another; and numbers are read from query strings as people write them.
KEY, PAGE = "right", "https://app.example"
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"


def main() -> None:
    tool = Path(sys.executable).parent / "schemathesis"
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "server.log"
        settings = {"VIVACE_PATHS__VOICES_DIR": f"{name}/voices", "VIVACE_PATHS__CACHE_DIR": f"{name}/cache"}
        settings["VIVACE_CACHE__RESULTS"] = "disk"
        settings["VIVACE_SERVER__CORS_ORIGINS"] = json.dumps([PAGE])
        with ServerProcess(settings, *(["--model", *MODEL] if MODEL else []), log=log, key=KEY) as server:
            server.start()
            limits = ["--max-time", str(SECONDS), "--seed", str(SEED), "--request-timeout", "120"]
            checks = ["--exclude-checks", LEFT_OUT, "--suppress-health-check", "all", "--continue-on-failure"]
            headers = ["-H", f"Authorization: Bearer {KEY}", "-H", f"Origin: {PAGE}"]
            command = [str(tool), "run", f"{server.url}/openapi.json", *limits, *checks, *headers, "--no-color"]
            done = subprocess.run(command, cwd=name, capture_output=True, text=True)
            figures = server.at_rest(60)
        sent = re.findall(r'"status": (\d+)', log.read_text())
        errors = [line for line in log.read_text().splitlines() if '"level": "error"' in line]
    print(done.stdout[-3000:])
    print(*errors[:5], sep="\n", file=sys.stderr)
    state = "at rest" if figures.at_rest else "NOT at rest"
    print(f"server: {len(errors)} errors logged, {state}, {figures.files} files, {figures.rss_mb:.0f} MB")
    print(json.dumps({"statuses": Counter(sent), "errors": len(errors), "seconds": SECONDS, "seed": SEED}))
    sys.exit(done.returncode or bool(errors))


if __name__ == "__main__":
    main()
