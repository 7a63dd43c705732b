"""What the API says of a benefit: enrolments and categories of the person, and the terms of a record."""

from terminal.core.disclosure import disclose
from terminal.core.values import Booking, LineShare, Person
from terminal.shapes.benefits import (
    CategoryView,
    DisclosureView,
    EnrolmentView,
    LimitView,
    ShareView,
    WorkingView,
)
from terminal.slips.names import fund_type_name
from terminal.slips.terms import percent


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
