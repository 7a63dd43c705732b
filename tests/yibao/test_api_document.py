"""docs/api.md cannot fall behind the API: every route, state and error code, and the requests of its example."""

import re
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from litestar.routes import HTTPRoute

import yibao
from terminal.api.routes import build_app
from terminal.api.service import Service
from terminal.core.states import State
from terminal.counter.wishes import LineWish, SaleWish
from terminal.shapes.settlements import SettlementView
from terminal.texts import TEXTS

DOCUMENT = Path(yibao.__file__).parent.parent / "docs" / "api.md"


class _NoService:
    """The routes are only listed, never called."""

    version = "0"


@pytest.fixture(scope="module")
def text() -> str:
    """The document."""
    return DOCUMENT.read_text(encoding="utf-8")


def _routes() -> set[str]:
    app = build_app(cast(Service, _NoService()))
    found = set()
    for route in app.routes:
        if isinstance(route, HTTPRoute) and not route.path.startswith("/schema"):
            path = re.sub(r"\{(\w+):\w+\}", r"{\1}", route.path)
            found |= {f"{method} {path}" for method in route.methods if method != "OPTIONS"}
    return found


def test_exactly_the_routes_of_the_api_are_documented(text: str) -> None:
    listed = re.findall(r"^\| `((?:GET|POST|PUT|DELETE) [^`]+)` \|", text, flags=re.MULTILINE)
    assert sorted(listed) == sorted(_routes())


def test_every_state_is_explained(text: str) -> None:
    explained = re.findall(r"^\| `([A-Z_]+)` \|", text, flags=re.MULTILINE)
    assert sorted(explained) == sorted(State)


def test_every_member_of_a_sale_is_explained(text: str) -> None:
    section = text.partition("## The sale")[2].partition("## Errors")[0]
    unexplained = [
        field.encode_name
        for field in msgspec.structs.fields(SettlementView)
        if f"`{field.encode_name}`" not in section and field.encode_name not in ("lane", "flow")
    ]
    assert unexplained == []


def test_every_error_code_in_the_document_exists(text: str) -> None:
    section = text.partition("## Errors")[2]
    members = {"type", "title", "status", "code", "zh", "en", "settlement_id", "state", "notice"}
    codes = set(re.findall(r"`([a-z_]+)`", section)) - members
    assert {"busy", "not_ready", "bad_request", "unknown_settlement"} <= codes
    assert codes <= set(TEXTS)


def test_the_bodies_of_the_example_are_read_by_the_service(text: str) -> None:
    (body,) = re.findall(r"-d '(\{\"sale_number.*?\})'\n", text)
    wish = msgspec.json.decode(body, type=SaleWish)
    assert wish == SaleWish("17", (LineWish(barcode="6901234567892", quantity="2"),))


def test_the_document_names_the_members_of_a_line(text: str) -> None:
    names: list[Any] = [field.name for field in msgspec.structs.fields(LineWish)]
    assert [name for name in names if f"`{name}`" not in text] == []
