"""What is told of a benefit: enrolments and categories of the person, and the terms of a record."""

import msgspec


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
