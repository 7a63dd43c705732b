"""How a counter is put together: the one place, for the real one and for a simulated site alike.

What differs between them is only what is handed in (`Parts`); nothing below asks which it is.
"""

import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from drivers.interfaces.card_reader import CardReader
from drivers.interfaces.clock import Clock
from drivers.interfaces.hub_transport import HubTransport
from drivers.interfaces.printer import Printer
from drivers.interfaces.scanner import Scanner
from drivers.interfaces.signer import Signer, Verifier
from protocols.hub.gateway import NO_CREDENTIALS, Credentials
from protocols.hub.packing import packing_of
from protocols.hub.profile import Profile
from terminal.config import Config
from terminal.core.message_parts import Desk, Site
from terminal.counter.chronicle import WriteLog, say_nothing
from terminal.counter.counter import Counter
from terminal.counter.expiry import Expiry
from terminal.counter.session import HubSession
from terminal.counter.settle_notices import SettleNotices
from terminal.counter.staff import Member, Staff
from terminal.counter.trusted_time import ClockWatch, TrustedClock
from terminal.hub.centre import CentreClient, Office
from terminal.hub.client import HubClient, Institution, Operator
from terminal.hub.gate import HubGate
from terminal.hub.message_ids import MessageIds
from terminal.journal.thread import JournalPort
from terminal.journal.vault import Vault
from terminal.reconciliation.asking import HubBooks
from terminal.reconciliation.daily import DailyReconciliation
from terminal.reconciliation.runner import Reconciliation
from terminal.shop_items import ShopItem
from terminal.slips.parts import Contact
from terminal.slips.rendering import SlipSite
from terminal.submissions.runner import Submissions


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a counter is given: clock, random, links, disk, keys, devices."""

    clock: Clock
    random: random.Random
    """Jitter, our own settlement ids, nonces of a gateway; never keys or signatures."""
    sleep: Callable[[float], Awaitable[None]]
    journal: JournalPort
    vault: Vault
    hub_transport: HubTransport
    centre_transport: HubTransport
    signer: Signer
    verifier: Verifier
    printer: Printer | None
    scanner: Scanner | None
    items: Mapping[str, ShopItem]
    reader: CardReader | None = None
    former_signers: Mapping[str, Signer] = field(default_factory=dict)
    """Keys of ours that were rotated away and are still kept, by key id: they sign reversals of what they signed."""
    credentials: Credentials = NO_CREDENTIALS
    """What the province handed out for its gateway and its encryption."""
    write_log: WriteLog = say_nothing
    """Where the canonical line of each settlement goes."""


def build_counter(config: Config, profile: Profile, parts: Parts) -> Counter:
    """Wire one counter; nothing runs until `Counter.run`."""
    place, terminal = config.institution, config.terminal
    institution = Institution(place.code, place.name, place.division)
    operator = Operator(terminal.operator, terminal.operator_name)
    ids = MessageIds(place.code, terminal.slot, parts.clock, parts.journal, parts.sleep)
    gate = HubGate(profile, parts.credentials, parts.hub_transport, parts.clock, parts.random.getrandbits)
    hub = HubClient(
        profile, institution, operator, parts.hub_transport, gate, parts.signer, parts.verifier, ids, parts.clock,
        parts.former_signers, packing_of(profile, parts.credentials),
    )  # fmt: skip
    office = Office(config.centre.office_id, config.centre.office_name, config.centre.activation_entry)
    centre = CentreClient(
        profile, institution, operator, office, business_type(profile, place.code), parts.centre_transport, parts.clock,
        parts.hub_transport, gate,
    )  # fmt: skip
    notices = SettleNotices(
        institution, operator, office, config.clinic.doctor_name, centre.tell, parts.clock.now
    )
    session = HubSession(profile, hub, operator, terminal.mac, terminal.ip, parts.clock)
    counter = Counter(
        profile=profile,
        site=Site(
            profile,
            place.code,
            place.division,
            Desk(
                config.clinic.doctor_code,
                config.clinic.doctor_name,
                config.clinic.department_code,
                config.clinic.department_name,
                config.clinic.specialty,
            ),
            place.name,
            place.level,
            place.networked,
            place.dual_channel,
            place.agreement_ends,
        ),
        slip_site=SlipSite(
            place.code,
            place.name,
            terminal.operator_name,
            profile,
            Contact(config.slip.hotline, config.slip.agency),
            config.slip.high_burden_fen,
            settles_at_order=config.prescriptions.settle == "order",
        ),
        till=terminal.till,
        lane=terminal.lane,
        operator=operator,
        journal=parts.journal,
        vault=parts.vault,
        hub=hub,
        session=session,
        centre=centre,
        printer=parts.printer,
        scanner=parts.scanner,
        items=parts.items,
        clock=parts.clock,
        jitter=lambda: parts.random.uniform(-1.0, 1.0),
        new_id=lambda: f"S{parts.random.getrandbits(96):024x}",
        sleep=parts.sleep,
        reader=parts.reader,
        write_log=parts.write_log,
        notices=notices if profile.ecert.settle_notify else None,
        staff=Staff([Member(row.number, row.name, row.role, row.code, row.credit) for row in config.staff]),
    )
    counter.submissions = Submissions(
        counter=counter, profile=profile, institution=place.code, hub=hub, session=session,
        new_id=lambda: f"U{parts.random.getrandbits(96):024x}",
    )  # fmt: skip
    counter.chores["submissions"] = counter.submissions.run
    books = HubBooks(hub, session, profile, institution, counter.submissions)
    counter.reconciliation = Reconciliation(
        counter=counter,
        profile=profile,
        institution=institution,
        slot=terminal.slot,
        hub=books,
        clock=parts.clock,
    )
    counter.chores["reconciliation"] = DailyReconciliation(
        counter.reconciliation, counter, parts.clock, parts.sleep, config.reconciliation.time
    ).run
    counter.expiry = Expiry(counter, profile, parts.sleep)
    counter.chores["expiry"] = counter.expiry.daily
    return counter


def build_clock_watch(
    clock: TrustedClock, counter: Counter, sleep: Callable[[float], Awaitable[None]]
) -> ClockWatch:
    """The watch over the clock that this counter was given; its `run` belongs among the counter's chores."""
    return ClockWatch(clock, counter.holds, lambda: counter.hub.contact, counter.session.hear_hub, sleep)


def business_type(profile: Profile, institution: str) -> str:
    """What a code is shown for: at a pharmacy (P...) a purchase, at a clinic or hospital (H...) a registration."""
    if institution.startswith("P"):
        return profile.ecert.business_type_pharmacy
    return profile.ecert.business_type_registration
