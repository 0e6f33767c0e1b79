"""The pages about the server leave nothing out: each endpoint in a block that runs, each setting in the table."""

import re
from pathlib import Path

import pytest

from vivace.serve.apis import APIS
from vivace.settings.config import ServerConfig

DOCS = Path(__file__).parents[2] / "docs"
PAGE = (DOCS / "serving.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(?:sh|python)\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
ROUTES = [route for api in APIS for route in api.routes]


@pytest.mark.parametrize("path", sorted({route.path for route in ROUTES}))
def test_every_endpoint_has_an_example(path: str) -> None:
    written = re.sub(r"\\\{[^}]*\\\}", r"[\\w.-]+", re.escape(path))
    assert [block for block in BLOCKS if re.search(written + r"(?![\w/])", block)], f"docs/serving.md has no {path}"


def test_every_setting_of_the_server_is_in_the_table() -> None:
    table = PAGE[PAGE.index("## Settings of the server") :]
    rows = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = {name for row in rows for name in re.findall(r"`(\w+)`", row)}
    assert named == set(ServerConfig.model_fields)


def test_migrating_names_the_endpoints_of_other_apis() -> None:
    page = (DOCS / "migrating.md").read_text(encoding="utf-8")
    paths = ("/generate_voice", "/tts", "/tts_with_cached_voice", "/v1/audio/voices", "/set_refer_audio", "/control")
    assert [path for path in paths if path not in page] == []
