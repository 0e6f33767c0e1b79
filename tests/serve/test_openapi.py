"""The OpenAPI document against the server: whatever it allows is answered, never with a 5xx, always as it says."""

import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fakes.server import Running
from fastapi.routing import APIRoute

from vivace.serve.apis import APIS

ROUTES = [route for api in APIS for route in api.routes if isinstance(route, APIRoute) and route.include_in_schema]

# Two checks are left out. A schema can neither say which strings are voices, speaker strings or printable names, nor
# that one part of a request needs another; and numbers are read from query strings as people write them.
EXAMPLES = "3"  # of each operation; thousands have been run by hand
LEFT_OUT = "positive_data_acceptance,negative_data_rejection"


KEY, PAGE = "Authorization: Bearer right", "Origin: https://app.example"


@pytest.mark.slow
@pytest.mark.parametrize("headers", [[], [KEY, PAGE]], ids=["open", "keys and CORS"])
def test_schemathesis_finds_nothing(start: Callable[..., Running], tmp_path: Path, headers: list[str]) -> None:
    server = start(api_keys=["right"], cors_origins=["https://app.example"]) if headers else start()
    script = Path(sys.executable).parent / "schemathesis"
    command = [str(script), "run", f"{server.url}/openapi.json", "--phases", "fuzzing"]
    options = ["--max-examples", EXAMPLES, "--seed", "1", "--exclude-checks", LEFT_OUT, "--no-color"]
    given = [word for header in headers for word in ("-H", header)]
    done = subprocess.run([*command, *options, *given], capture_output=True, text=True, cwd=tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]


def test_every_route_is_described(server: Running) -> None:
    paths = server.server.config.app.openapi()["paths"]  # type: ignore[union-attr]
    assert sum(len(methods) for methods in paths.values()) == sum(len(route.methods or ()) for route in ROUTES)
    for path, methods in paths.items():
        for method, operation in methods.items():
            assert operation.get("description"), f"{method} {path} does not say what it does"
            assert "400" in operation["responses"]


# Sentences in the field's words, of a subject or a verb: a relative clause or a pronoun at the start is neither.
PRONOUN = re.compile(r"(what|whom?|whoever|whose|which|those|these|that|this|it|they|he|she|how|where|whether)\b", re.I)
BRITISH = re.compile(
    r"\w*(isation|ise[ds]?\b|ising|yse[ds]?\b|colour|behaviour|cancelled|labelled|licence|centre)", re.I
)
AMERICAN_TOO = {"otherwise", "noise", "precise", "raise", "raised", "rise", "wise", "exercise", "likewise", "phrase"}


def described(node: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every summary and description of the document, with its place."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("summary", "description") and isinstance(value, str):
                yield f"{where}/{key}", value
            else:
                yield from described(value, f"{where}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from described(value, f"{where}/{number}")


def document(server: Running) -> dict[str, Any]:
    found: dict[str, Any] = server.server.config.app.openapi()  # type: ignore[union-attr]
    return found


def test_every_description_is_a_plain_sentence(server: Running) -> None:
    found = list(described(document(server)))
    assert len(found) > 200
    for where, text in found:
        assert text.strip(), where
        assert not PRONOUN.match(text), f"{where}: {text}"
        assert text[0].isupper() or text.startswith(("auto", "1 ")), f"{where}: {text}"
        if where.endswith("/description"):
            assert text.endswith("."), f"{where}: {text}"
        british = {match[0] for match in BRITISH.finditer(text)} - AMERICAN_TOO
        assert not british, f"{where}: {british}"


def fields(node: Any, where: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every property of a schema and every parameter of an operation."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "properties" and isinstance(value, dict):
                yield from ((f"{where}/{name}", field) for name, field in value.items())
            if key == "parameters" and isinstance(value, list):
                yield from ((f"{where}/{field['name']}", field) for field in value)
            yield from fields(value, f"{where}/{key}")
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from fields(value, f"{where}/{number}")


def test_every_field_and_every_schema_has_a_description(server: Running) -> None:
    found = document(server)
    bare = [where for where, field in fields(found) if not field.get("description")]
    assert bare == []
    schemas = found["components"]["schemas"]
    undescribed = [
        name for name, one in schemas.items() if not one.get("description") and "ValidationError" not in name
    ]
    assert undescribed == []
    for path, methods in found["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"] != operation["description"], f"{method} {path}"
