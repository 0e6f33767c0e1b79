"""``GET /v1/text/explain``."""

from collections.abc import Callable

import httpx2 as httpx
from fakes.server import Running

from vivace.text import explain


def test_a_text_is_explained(http: httpx.Client) -> None:
    answer = http.get("/v1/text/explain", params={"input": "Pay $5 🎉 now"})
    assert answer.status_code == 200
    body = answer.json()
    assert (body["object"], body["text"], body["spoken"]) == (
        "text.explanation",
        "Pay $5 🎉 now",
        "Pay five dollars now",
    )
    money, party = body["spans"][1:3]
    assert (money["written"], money["rules"], money["spoken"]) == ("$5", ["money.before"], "five dollars")
    assert money["words"][0] == {"text": "five", "kind": "en", "phones": ["F", "AY1", "V"]}
    assert party["left_out"] == "no sound belongs to this character"
    assert len(body["spans"]) == len(explain("Pay $5 🎉 now").spans)


def test_format_and_language_are_taken(http: httpx.Client) -> None:
    def spoken(**query: str) -> str:
        return str(http.get("/v1/text/explain", params=query).json()["spoken"])

    assert spoken(input="## Notes") == "Notes"
    assert spoken(input="## Notes", text_format="plain") == "hash hash Notes"
    assert spoken(input="12", language="zh") == "十二"


def test_too_long_and_malformed_requests_are_refused(start: Callable[..., Running]) -> None:
    with httpx.Client(base_url=start(max_input_chars=20).url) as client:
        assert client.get("/v1/text/explain", params={"input": "x" * 21}).status_code == 413
        assert client.get("/v1/text/explain").status_code == 400
        assert client.get("/v1/text/explain", params={"input": "x", "text_format": "word"}).status_code == 400
