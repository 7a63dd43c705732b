"""2601: undo a settlement whose outcome its sender does not know, by the message id it was sent under.

Three answers exist: done (`infcode` 0), ALREADY_REVERSED, SETL_NOT_FOUND; the last also when `psn_no` does not fit,
so that a foreign message id can never undo a neighbour's settlement. Neither the order of cancellations nor the
close of the year stands in the way (K46): an unknown outcome must always be undoable.
"""

from simulators.hub import settling, tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.refusals import Refused


class _Worded(Refused):
    """A refusal in the words of this profile's hub."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(code, (text, text))
        self._text = text

    @property
    def err_msg(self) -> str:
        """See `Refused`."""
        return self._text


def reverse(desk: Desk, call: Call) -> Output:
    """2601."""
    try:
        return _reverse(desk, call)
    except Refused as refusal:
        means = {"ALREADY_REVERSED": "already", "SETL_NOT_FOUND": "not_found"}.get(refusal.code, "")
        for answer in desk.profile.outcome.reversal_answers:
            if answer.says and answer.means == means:
                raise _Worded(refusal.code, answer.says) from None
        raise


def _reverse(desk: Desk, call: Call) -> Output:
    node = check(as_node(call.input.get("data"), "data"), tables.REVERSAL, "data")
    originals = [
        record
        for record in desk.ledger.by_msgid(node.text("omsgid"))
        if record.infno == node.text("oinfno")
        and record.infno in desk.profile.outcome.reversible
        and record.psn_no == node.text("psn_no")
        and record.fixmedins_code == call.institution.code
        and record.direction == 1
    ]
    if not originals:
        raise Refused("SETL_NOT_FOUND")
    # Two of one message id exist only when ids are not checked; the first that still stands is meant then.
    original = next((record for record in originals if record.live), originals[0])
    settling.undo(desk, call, original, keep_order=False)
    return None
