"""The business flows as tables: each flow is a tuple of frozen `Step` values, read top to bottom.

A step is *due* when every fact it `needs` is there and it is not `done` yet. The machine runs the first due step, notes
the facts it gives, and looks again; a step without a message waits for a person. Columns, in the words of a
transaction manager: `message` and `needs` are the prepare, `reaches` with `durable` the commit, `undo` the abort.
Steps carry no methods and keep nothing: what has happened stands in the settlement.

`durable` names the points of the money path:
S1 sale number and idempotency key reserved; S3 message id and signed bytes before the first byte; S4 outcome before
anybody is told; S5 slip row before the first byte to the printer; S6 acknowledged; S7 each 2601 before its first byte;
S8 each verdict of a 2601. A pure question needs none: it may be asked again at will.
"""

import enum

import msgspec

from terminal.core.states import State


class Act(enum.Enum):
    """What running a step means, and so what its silence means."""

    PERSON = "person"
    """Wait for somebody: a line, a code, an agreement."""
    DECODE = "decode"
    """Ask the e-certificate centre; may be repeated inside the code's life."""
    ASK = "ask"
    """A question to the hub that changes nothing: repeat freely with a new message id."""
    BOOK = "book"
    """Changes the hub but moves no money (registration, fee lines): attempt row first, undone by `undo`."""
    SETTLE = "settle"
    """Moves money: attempt row first; unknown outcome ends in `undo`, never in a repetition."""
    CANCEL = "cancel"
    """Undoes a known settlement: attempt row first; unknown outcome is finished by asking 5203 and repeating."""
    REVERSE = "reverse"
    """Undoes an unknown settlement by its message id: attempt row first; repeated until answered."""
    PRINT = "print"
    """Paper; never decides about money."""


class Fact(enum.StrEnum):
    """What a settlement knows so far; the `needs` and `gives` of steps."""

    CODE = "code"
    """An e-certificate code has been scanned or typed (memory only, at most 60 s old)."""
    MEDIUM = "medium"
    """A medium the hub accepts: token, card number with identification code, or identity number (memory only)."""
    PERSON = "person"
    """The hub has said who this is and where insured."""
    ENTITLEMENT = "entitlement"
    """The hub has said that the person is entitled to this kind of benefit now."""
    FILINGS = "filings"
    """The chronic filings in force, at least one."""
    DISEASE = "disease"
    """One filed disease and a diagnosis have been picked."""
    VISIT = "visit"
    """The hub has opened a visit."""
    DIAGNOSIS = "diagnosis"
    """The hub has the visit's category, disease and diagnosis."""
    CHARGES = "charges"
    """The hub has exactly these charge lines, in one batch."""
    LINES = "lines"
    """At least one charge line."""
    REVIEW = "review"
    """The hub's review has been answered for exactly these lines; or the profile asks for none."""
    REVIEW_ANSWER = "review_answer"
    """The operator has answered what the review found; or it found nothing."""
    FEEDBACK = "feedback"
    """The hub has been told that answer; or there was nothing to answer."""
    QUOTE = "quote"
    """The hub's split for exactly these lines and this person."""
    CONFIRMATION = "confirmation"
    """The person agrees to the quote."""
    SETTLEMENT = "settlement"
    """The hub's authenticated record."""
    CANCEL_WISH = "cancel_wish"
    """An operator wants the known settlement undone."""
    CANCELLATION = "cancellation"
    """The hub's authenticated negative record, or its word that one exists."""
    DOUBT = "doubt"
    """A settlement was sent and its outcome is unknown."""
    PAPER = "paper"
    """The slip is out."""
    ACKNOWLEDGEMENT = "acknowledgement"
    """The till or cashier has taken note of the result."""


class Step(msgspec.Struct, frozen=True):
    """One row of a flow's table."""

    name: str
    act: Act
    needs: tuple[Fact, ...]
    gives: tuple[Fact, ...]
    message: str = ""
    """`infno` of the national transaction, or `ec.query`; empty for people and paper."""
    reaches: State | None = None
    """The state once the step has succeeded; None = no change."""
    durable: str = ""
    undo: str = ""
    """`infno` that undoes the step when the flow ends without a settlement (BOOK) or in doubt (SETTLE)."""


class Flow(msgspec.Struct, frozen=True):
    """A named tuple of steps."""

    name: str
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step:
        """Return the step called `name`; KeyError is our own bug."""
        for step in self.steps:
            if step.name == name:
                return step
        raise KeyError(name)

    def by_act(self, act: Act) -> Step:
        """Return the only step with this act (SETTLE, CANCEL, REVERSE occur once in a flow)."""
        (step,) = (step for step in self.steps if step.act is act)
        return step


PHARMACY_PURCHASE = Flow(
    "pharmacy_purchase",
    (
        Step("decode", Act.DECODE, (Fact.CODE,), (Fact.MEDIUM,), "ec.query"),
        Step("identify", Act.ASK, (Fact.MEDIUM,), (Fact.PERSON,), "1101"),
        Step("review", Act.ASK, (Fact.PERSON, Fact.LINES), (Fact.REVIEW,), "3101"),
        Step("answer review", Act.PERSON, (Fact.REVIEW,), (Fact.REVIEW_ANSWER,)),
        Step("feedback", Act.BOOK, (Fact.REVIEW_ANSWER,), (Fact.FEEDBACK,), "3103", None, "S3 S4"),
        Step("quote", Act.ASK, (Fact.PERSON, Fact.LINES, Fact.FEEDBACK), (Fact.QUOTE,), "2101", State.PRICED),
        Step("confirm", Act.PERSON, (Fact.QUOTE,), (Fact.CONFIRMATION,), "", State.ARMED, "S2"),
        Step("settle", Act.SETTLE, (Fact.CONFIRMATION,), (Fact.SETTLEMENT,), "2102", State.CONFIRMED, "S3 S4", "2601"),
        Step("slip", Act.PRINT, (Fact.SETTLEMENT,), (Fact.PAPER,), "", None, "S5"),
        Step("hand over", Act.PERSON, (Fact.SETTLEMENT,), (Fact.ACKNOWLEDGEMENT,), "", State.DELIVERED, "S6"),
    ),
)  # fmt: skip
"""A purchase at a designated pharmacy (2101, 2102). Nothing is booked before the settlement itself.

The three steps of the review are there where the profile asks for one (`review.before_quote`)."""

PHARMACY_CANCELLATION = Flow(
    "pharmacy_cancellation",
    (
        Step("cancel", Act.CANCEL, (Fact.CANCEL_WISH,), (Fact.CANCELLATION,), "2103", State.CANCELLED, "S3 S4"),
        Step("slip", Act.PRINT, (Fact.CANCELLATION,), (Fact.PAPER,), "", None, "S5"),
    ),
)  # fmt: skip
"""The whole settlement is undone by a record of its own; there is no partial cancellation on the wire."""

CLINIC_VISIT = Flow(
    "clinic_visit",
    (
        Step("decode", Act.DECODE, (Fact.CODE,), (Fact.MEDIUM,), "ec.query"),
        Step("identify", Act.ASK, (Fact.MEDIUM,), (Fact.PERSON,), "1101"),
        Step("entitle", Act.ASK, (Fact.PERSON,), (Fact.ENTITLEMENT,), "2001"),
        Step("filings", Act.ASK, (Fact.ENTITLEMENT,), (Fact.FILINGS,), "5301"),
        Step("pick disease", Act.PERSON, (Fact.FILINGS,), (Fact.DISEASE,)),
        Step("register", Act.BOOK, (Fact.DISEASE,), (Fact.VISIT,), "2201", None, "S3 S4", "2202"),
        Step("diagnose", Act.BOOK, (Fact.VISIT,), (Fact.DIAGNOSIS,), "2203A", None, "S3 S4"),
        Step("review", Act.ASK, (Fact.DIAGNOSIS, Fact.LINES), (Fact.REVIEW,), "3101"),
        Step("answer review", Act.PERSON, (Fact.REVIEW,), (Fact.REVIEW_ANSWER,)),
        Step("feedback", Act.BOOK, (Fact.REVIEW_ANSWER,), (Fact.FEEDBACK,), "3103", None, "S3 S4"),
        Step("charge", Act.BOOK, (Fact.DIAGNOSIS, Fact.LINES, Fact.FEEDBACK), (Fact.CHARGES,), "2204", None, "S3 S4", "2205"),
        Step("quote", Act.ASK, (Fact.CHARGES,), (Fact.QUOTE,), "2206A", State.PRICED),
        Step("confirm", Act.PERSON, (Fact.QUOTE,), (Fact.CONFIRMATION,), "", State.ARMED, "S2"),
        Step("settle", Act.SETTLE, (Fact.CONFIRMATION,), (Fact.SETTLEMENT,), "2207A", State.CONFIRMED, "S3 S4", "2601"),
        Step("slip", Act.PRINT, (Fact.SETTLEMENT,), (Fact.PAPER,), "", None, "S5"),
        Step("hand over", Act.PERSON, (Fact.SETTLEMENT,), (Fact.ACKNOWLEDGEMENT,), "", State.DELIVERED, "S6"),
    ),
)  # fmt: skip
"""An out-patient visit for a filed chronic or special disease (2201 to 2207A).

Registration and charge lines change the hub before any money moves, so whatever ends the visit without a settlement
(given up, refused, reversed, cancelled) owes their undo: 2205 for all lines, then 2202, until answered.
"""

CLINIC_CANCELLATION = Flow(
    "clinic_cancellation",
    (
        Step("cancel", Act.CANCEL, (Fact.CANCEL_WISH,), (Fact.CANCELLATION,), "2208", State.CANCELLED, "S3 S4"),
        Step("slip", Act.PRINT, (Fact.CANCELLATION,), (Fact.PAPER,), "", None, "S5"),
    ),
)  # fmt: skip
"""The whole settlement is undone by a record of its own; the visit's lines and registration are then withdrawn."""

WITHDRAWALS = ("2205", "2202")
"""The undo of booked steps, in the order it is sent."""

REMEDIES: dict[str, str] = {"register": "5201", "charge": "2205"}
"""What resolves a booked step whose answer was lost: find the visit; withdraw the batch, then upload a new one.
A lost 2203A is simply sent again."""

REVERSAL = Flow(
    "reversal",
    (
        Step("doubt slip", Act.PRINT, (Fact.DOUBT,), (), "", None, "S5"),
        Step("reverse", Act.REVERSE, (Fact.DOUBT,), (), "2601", State.REVERSED, "S7 S8"),
        Step("reversed slip", Act.PRINT, (), (), "", None, "S5"),
    ),
)
"""How every doubt about a settlement ends, whatever the flow it came from."""

FLOWS: dict[str, Flow] = {flow.name: flow for flow in (PHARMACY_PURCHASE, CLINIC_VISIT)}
CANCELLATIONS: dict[str, Flow] = {
    PHARMACY_PURCHASE.name: PHARMACY_CANCELLATION,
    CLINIC_VISIT.name: CLINIC_CANCELLATION,
}
