"""What can be submitted: our word for it, its transactions, where its rows stand, and what a lost answer leads to."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

from protocols.hub.profile import Profile
from terminal.core.submission import Silence

MANY: Final = 100
"""Rows in one message of the forms with the letter A; no source names a limit."""


class Form(msgspec.Struct, frozen=True):
    """One transaction and the node its rows stand in; without a node they stand directly under `input`."""

    infno: str
    node: str
    many: bool = False
    """Its node is a list of rows; else it is one row, and each row becomes a message of its own."""
    silence: Silence = Silence.REPEAT


class Kind(msgspec.Struct, frozen=True):
    """One thing that can be submitted."""

    name: str
    plain: Form
    form_a: Form | None = None
    """Used instead where the profile says `stock.generation = "A"`."""
    of_person: bool = False
    """The person is named by a sale; nobody types a number."""
    needs_codes: bool = False
    """Every pack needs its trace code, unless the profile says `trace.required = "none"`."""

    def form(self, profile: Profile) -> Form:
        """The transaction that this profile uses."""
        return self.form_a if self.form_a is not None and profile.stock.generation == "A" else self.plain


_LOOK, _ASK = Silence.LOOK_UP, Silence.ASK_A_PERSON
FILE: Final = Kind("file", Form("9101", "fsUploadIn", silence=Silence.GIVE_UP))
"""The file of a reconciliation: whoever wanted it makes it anew."""
LOCK: Final = Kind("prescription.lock", Form("990102", "data", silence=Silence.GIVE_UP))
"""The lock of a prescription for one sale: asked for again it is the same lock, and it ends by itself (K98)."""
FREE: Final = Kind("prescription.free", Form("990103", "data", silence=Silence.GIVE_UP))
"""Its release: unheard, the lock ends by itself."""
DELIVERED_ONCE: Final = (FILE, LOCK, FREE)
"""What is sent once, at once, for somebody who waits for the answer."""
KINDS: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("filing.transfer", Form("2501", "refmedin", silence=_LOOK), of_person=True),
            Kind("filing.transfer.withdraw", Form("2502", "data"), of_person=True),
            Kind("filing.chronic", Form("2503", "data", silence=_LOOK), of_person=True),
            Kind("filing.chronic.withdraw", Form("2504", "data"), of_person=True),
            Kind("filing.institution", Form("2505", "data", silence=_LOOK), of_person=True),
            Kind("filing.institution.withdraw", Form("2506", "data"), of_person=True),
            Kind("mapping.upload", Form("3301", "data", many=True)),
            Kind("mapping.withdraw", Form("3302", "")),
            Kind("stock.take", Form("3501", "invinfo", silence=_LOOK), Form("3501A", "invinfoDetail", True, _ASK)),
            Kind("stock.change", Form("3502", "invinfo", silence=_ASK), Form("3502A", "invinfoDetail", True, _LOOK)),
            Kind("stock.purchase", Form("3503", "purcinfo", silence=_ASK), Form("3503A", "purcinfoDetail", True, _ASK)),
            Kind("stock.purchase-return", Form("3504", "purcinfo", silence=_ASK), Form("3504A", "purcinfoDetail", True, _ASK)),
            Kind("stock.sale", Form("3505", "selinfo", silence=_LOOK), Form("3505A", "selinfoDetail", True, _LOOK),
                 needs_codes=True),
            Kind("stock.sale-return", Form("3506", "selinfo", silence=_ASK), Form("3506A", "selinfoDetail", True, _ASK)),
            Kind("stock.delete", Form("3507", "data"), Form("3507A", "goodDetail", True)),
            Kind("stock.substitute-code", Form("3592B", "data")),
        )
    }
)  # fmt: skip
"""By name, as the API and the commands say them."""

CLEARING: Final[Mapping[str, Kind]] = MappingProxyType(
    {
        kind.name: kind
        for kind in (
            Kind("clearing.apply", Form("3203", "data", silence=_ASK)),
            Kind("clearing.withdraw", Form("3204", "data")),
            Kind("clearing.confirm", Form("3261", "detail", True)),
            Kind("clearing.take-back", Form("3262", "data")),
        )
    }
)
"""A month's clearing: made out of our books and the hub's own records, not of rows that somebody writes."""

_SILENCES: Final = {
    form.infno: form.silence
    for kind in (*KINDS.values(), *CLEARING.values(), *DELIVERED_ONCE)
    for form in (kind.plain, kind.form_a)
    if form is not None
}


def silence_of(infno: str) -> Silence:
    """What a lost answer to this transaction leads to; a person looks at one that only a newer version knows."""
    return _SILENCES.get(infno, Silence.ASK_A_PERSON)
