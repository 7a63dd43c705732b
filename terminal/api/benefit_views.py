"""What the API says of a benefit: enrolments and categories of the person, and the terms of a record."""

import msgspec

from terminal.core.disclosure import disclose
from terminal.core.values import Booking, LineShare, Person
from terminal.slips.names import fund_type_name
from terminal.slips.terms import percent


class EnrolmentView(msgspec.Struct, frozen=True):
    """One enrolment of the person, in force or not."""

    insutype: str
    psn_type: str
    status: str
    """`psn_insu_stas`: 1 normal, 2 paused, 3 invalid, 4 ended."""
    division: str
    since: str
    used: bool
    """This sale is settled under it."""


class CategoryView(msgspec.Struct, frozen=True):
    """An assistance category on record at the hub."""

    code: str
    name: str
    since: str
    until: str


class LimitView(msgspec.Struct, frozen=True):
    """What is left of a fund's limit after this record."""

    fund_pay_type: str
    name: str
    left_fen: int


class WorkingView(msgspec.Struct, frozen=True):
    """The hub's own words on a fund's amount."""

    fund_pay_type: str
    text: str


class ShareView(msgspec.Struct, frozen=True):
    """How the hub splits one charge line; amounts in fen."""

    chrgitm_lv: str
    price_limit: str
    """Highest payable price of one unit in yuan; empty = none."""
    self_paid_fen: int
    over_limit_fen: int
    class_b_share_fen: int
    policy_scope_fen: int
    negotiated: bool


class DisclosureView(msgspec.Struct, frozen=True):
    """The terms of a record beside who pays."""

    self_paid_fen: int
    over_limit_fen: int
    class_b_share_fen: int
    policy_scope_fen: int
    deductible_fen: int | None
    ratio: str
    """Ratio of the pooled fund, such as 60%; empty where it paid nothing."""
    limits: tuple[LimitView, ...]
    workings: tuple[WorkingView, ...]
    lines: tuple[ShareView, ...]
    """In the order of the charge sheet; empty where the hub named none that add up."""


def enrolment_views(person: Person) -> tuple[EnrolmentView, ...]:
    """Every enrolment that 1101 named."""
    return tuple(
        EnrolmentView(row.insutype, row.psn_type, row.status, row.division, row.since, person.uses(row))
        for row in person.enrolments
    )


def category_views(person: Person) -> tuple[CategoryView, ...]:
    """The assistance categories that 1101 named."""
    return tuple(CategoryView(row.code, row.name, row.began_at, row.ended_at) for row in person.categories)


def disclosure_view(booking: Booking) -> DisclosureView:
    """The terms of a record."""
    told = disclose(booking)
    return DisclosureView(
        self_paid_fen=told.self_paid_fen,
        over_limit_fen=told.over_limit_fen,
        class_b_share_fen=told.class_b_share_fen,
        policy_scope_fen=told.policy_scope_fen,
        deductible_fen=told.deductible_fen,
        ratio="" if told.ratio is None else percent(told.ratio),
        limits=tuple(
            LimitView(row.fund_type, fund_type_name(row.fund_type, row.name), row.left_fen)
            for row in told.limits
        ),
        workings=tuple(WorkingView(row.fund_type, row.text) for row in told.workings),
        lines=tuple(map(_share_view, told.shares)),
    )


def _share_view(share: LineShare) -> ShareView:
    return ShareView(
        share.catalogue_class,
        "" if share.price_limit is None else share.price_limit.wire_text(),
        share.self_paid_fen,
        share.over_limit_fen,
        share.class_b_share_fen,
        share.policy_scope_fen,
        share.negotiated,
    )
