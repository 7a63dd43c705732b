"""The last look before a settlement leaves: whether its bytes name the amounts that the person agreed to (F74)."""

import msgspec
import pytest

from protocols.hub import wire
from terminal.core.messages import build
from terminal.core.shown import asks_for_what_was_shown
from terminal.core.values import Settlement
from tests.terminal.core.samples import LINE, TO_PRICED, after, draft
from tests.terminal.core.test_building import CLINIC, SITE

_replace = msgspec.structs.replace
PRICED = after(*TO_PRICED)
TWO = _replace(PRICED, lines=(_replace(LINE, amount_fen=2000), _replace(LINE, number=2, amount_fen=1750)))


def message(infno: str, settlement: Settlement) -> bytes:
    """The input that is signed."""
    return wire.encode(build(infno, settlement, SITE)[0])


@pytest.mark.parametrize(("infno", "settlement"), [("2102", PRICED), ("2102", TWO), ("2207A", CLINIC)])
def test_a_message_made_from_what_was_agreed_asks_for_it(infno: str, settlement: Settlement) -> None:
    assert asks_for_what_was_shown(settlement, message(infno, settlement))


@pytest.mark.parametrize(
    ("was", "now"),
    [
        (b'"medfee_sumamt":37.50', b'"medfee_sumamt":37.51'),
        (b'"medfee_sumamt":37.50', b'"medfee_sumamt":37.5'),
        (b'"medfee_sumamt":37.50', b'"other":37.50'),
        (b'"medfee_sumamt":37.50', b'"medfee_sumamt":37.50,"medfee_sumamt":37.50'),
        (b'"det_item_fee_sumamt":20.00', b'"det_item_fee_sumamt":20.01'),
        (b'"det_item_fee_sumamt":20.00', b'"other":20.00'),
        (b'"det_item_fee_sumamt":20.00', b'"det_item_fee_sumamt":17.50,"det_item_fee_sumamt":20.00'),
    ],
)
def test_any_other_amount_does_not_leave(was: bytes, now: bytes) -> None:
    request = message("2102", TWO)
    assert request.count(was) == 1
    assert asks_for_what_was_shown(TWO, request.replace(was, now)) is False


def test_lines_that_are_not_those_agreed_to_do_not_leave() -> None:
    """Both hold the same total; the lines are changed behind the quote, together with the message."""
    request = message("2102", TWO)
    swapped = _replace(
        TWO, lines=(_replace(LINE, amount_fen=1750), _replace(LINE, number=2, amount_fen=2000))
    )
    assert not asks_for_what_was_shown(swapped, request)
    dearer = _replace(TWO, lines=(*TWO.lines[:1], _replace(LINE, number=2, amount_fen=1751)))
    changed = message("2102", dearer).replace(b'"medfee_sumamt":37.51', b'"medfee_sumamt":37.50')
    assert not asks_for_what_was_shown(dearer, changed)


def test_without_a_quote_nothing_was_agreed_to() -> None:
    assert asks_for_what_was_shown(draft(), message("2102", PRICED)) is False
