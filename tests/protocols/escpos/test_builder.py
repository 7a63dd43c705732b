"""Documents become exactly the published bytes; nothing in a text can become a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.escpos.builder import build, layout
from protocols.escpos.document import (
    Align,
    Cell,
    Cut,
    Document,
    Element,
    Feed,
    Pair,
    Qr,
    Raster,
    Row,
    Rule,
    Text,
)
from protocols.escpos.events import CutMade, DrawerKick, Ignored, Picture, QrSymbol
from protocols.escpos.width import text_columns
from tests.protocols.escpos.reading import events_of, lines_of
from tests.protocols.escpos.vectors import VECTORS

HEAD = VECTORS.command("initialise") + VECTORS.command("chinese_mode_on")
HOSTILE = st.text(alphabet="ab \x1b\x1d\x1c\x10\x04\x00\n\r@!a医保¥𠮷😀\u202e\u2067\u0301", max_size=60)


def body(*elements: Element, columns: int = 48) -> bytes:
    """The bytes after the head."""
    data = build(Document(elements), columns).data
    assert data.startswith(HEAD)
    return data[len(HEAD) :]


def texts(*elements: Element, columns: int) -> list[str]:
    """The laid-out lines."""
    return [line.text for line in layout(Document(elements), columns)]


def test_the_title_has_the_golden_bytes() -> None:
    assert body(Text("医保结算单")).hex() == "d2bdb1a3bde1cbe3b5a50a"


def test_style_is_set_for_its_line_only() -> None:
    command = VECTORS.command
    assert body(Text("医保", Align.CENTRE, width=2, height=2, bold=True)) == (
        command("align_centre")
        + command("size_double")
        + command("bold_on")
        + bytes.fromhex("d2bdb1a3")
        + b"\n"
        + command("align_left")
        + command("size_normal")
        + command("bold_off")
    )


def test_qr_feed_and_cut_have_the_published_bytes() -> None:
    command = VECTORS.command
    assert body(Qr("R1"), Feed(3), Cut()) == (
        command("align_centre")
        + command("qr_model_2")
        + command("qr_size_6")
        + command("qr_level_m")
        + command("qr_store_R1")
        + command("qr_print")
        + command("align_left")
        + command("feed_3_lines")
        + command("feed_and_cut")
    )


def test_picture_is_raster_bytes() -> None:
    assert body(Raster(2, b"\xff\x00\x0f\xf0")).hex() == "1d76300002000200" + "ff000ff0"


def test_row_keeps_its_columns_when_a_name_is_long() -> None:
    row = Row((Cell("复方丹参滴丸特别长的名称"), Cell("甲", Align.RIGHT, 4)))
    assert texts(row, columns=20) == [
        "复方丹参滴丸特    甲",
        "别长的名称",
    ]


def test_row_shares_what_fixed_cells_leave() -> None:
    row = Row((Cell("a"), Cell("b", Align.CENTRE), Cell("c", Align.RIGHT, 3)))
    assert texts(row, columns=13) == ["a     b     c"]


def test_pair_on_one_line_and_on_two() -> None:
    assert texts(Pair("费用总额", "83.30"), columns=20) == ["费用总额       83.30"]
    assert texts(Pair("其中 基本统筹基金支付", "1234567.89", indent=2), columns=24) == [
        "  其中 基本统筹基金支付",
        "              1234567.89",
    ]


def test_rule_and_indent() -> None:
    assert texts(Rule("="), Text("ab cd", indent=3), columns=6) == ["======", "   ab", "   cd"]


def test_what_text_costs_is_counted() -> None:
    built = build(Document((Text("¥\x1b𠮷"), Pair("\u202e甲", "😀"), Row((Cell("a\x00"),)))), 32)
    assert (built.dropped, built.substituted) == (3, 3)


@pytest.mark.parametrize(
    "element",
    [
        Qr(""),
        Qr("医保"),
        Qr("a\x10\x04\x01"),
        Qr("x" * 301),
        Qr("R", module_dots=17),
        Qr("R", level="Z"),
        Text("a", width=9),
        Text("a", height=0),
        Feed(0),
        Rule("医"),
        Rule("--"),
        Raster(2, b"abc"),
        Raster(0, b""),
        Row(()),
        Row(tuple(Cell("a") for _ in range(40))),
    ],
)
def test_impossible_elements_are_refused(element: Element) -> None:
    with pytest.raises(ValueError, match=r".+"):
        build(Document((element,)), 32)


@given(HOSTILE, st.sampled_from([32, 48]))
def test_hostile_text_never_commands_the_printer(text: str, columns: int) -> None:
    document = Document(
        (
            Text(text),
            Text(text, Align.RIGHT, width=2, indent=2),
            Pair(text, text, bold=True),
            Row((Cell(text), Cell(text, Align.RIGHT, 10))),
            Cut(),
        )
    )
    events = events_of(build(document, columns).data, columns)
    assert not [event for event in events if isinstance(event, DrawerKick | Ignored | QrSymbol | Picture)]
    assert [event for event in events if isinstance(event, CutMade)] == [CutMade(partial=True)]


@given(HOSTILE, st.sampled_from([32, 48]))
def test_the_printer_never_wraps_by_itself(text: str, columns: int) -> None:
    document = Document((Text(text), Text(text, indent=2), Pair(text, "1.00"), Row((Cell(text), Cell(text)))))
    laid_out = texts(*document.elements, columns=columns)
    assert all(text_columns(line) <= columns for line in laid_out)
    assert lines_of(build(document, columns).data, columns) == laid_out
