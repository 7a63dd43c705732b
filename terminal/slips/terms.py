"""The terms of a settlement in the words of a slip: kind of benefit, insured place, scope, ratio, limits, advice. Chinese only."""

from protocols.hub.profile import Profile
from protocols.money import Ratio, format_yuan
from terminal.core.disclosure import Disclosure, area_of, disclose, is_burden_high
from terminal.core.flows import PHARMACY_PURCHASE
from terminal.core.values import Booking, Settlement
from terminal.slips.names import fund_type_name
from terminal.slips.settlement import SlipTerms

_KINDS = {
    "pharmacy": "账户购药",
    "ordinary": "普通门诊",
    "registration": "门诊挂号",
    "emergency": "急诊",
    "chronic": "门诊慢特病",
    "two_disease": "门诊两病",
    "maternity": "生育门诊",
    "dual_channel": "双通道",
}
_HIGH_BURDEN = "个人负担较高：可凭本单向医保经办机构、民政部门咨询医疗救助和慈善援助。"


def slip_terms(settlement: Settlement, record: Booking, profile: Profile, high_burden_fen: int) -> SlipTerms:
    """Return the terms of one record of a settlement."""
    told = disclose(record)
    return SlipTerms(
        kind=kind_words(settlement),
        insured_place=_insured_place(settlement, profile),
        scope=_scope(told),
        facts=_facts(told),
        advice=(_HIGH_BURDEN,) if is_burden_high(record, high_burden_fen) else (),
    )


def kind_words(settlement: Settlement) -> str:
    """The badge: which kind of benefit was asked for."""
    own = "pharmacy" if settlement.flow == PHARMACY_PURCHASE.name else "chronic"
    kind = _KINDS.get(settlement.benefit or own, settlement.benefit)
    if settlement.prescription is not None:
        kind = f"统筹处方 {settlement.prescription.number}"
    return f"{kind}（疫情救治，无需收费）" if settlement.epidemic else kind


def _insured_place(settlement: Settlement, profile: Profile) -> str:
    person = settlement.person
    if person is None or not person.insured_division:
        return ""
    since = f"（{person.insured_since}起）" if person.insured_since else ""
    elsewhere = "" if area_of(settlement, profile) == "local" else "；目录按就医地，待遇按参保地"
    return f"{person.insured_division}{since}{elsewhere}"


def _scope(told: Disclosure) -> tuple[tuple[str, int], ...]:
    rows = (
        ("全自费", told.self_paid_fen),
        ("超限价自费", told.over_limit_fen),
        ("先行自付", told.class_b_share_fen),
        ("政策范围内", told.policy_scope_fen),
    )
    return (*rows, ("起付线", told.deductible_fen)) if told.deductible_fen else rows


def _facts(told: Disclosure) -> tuple[tuple[str, str], ...]:
    ratio = () if told.ratio is None else (("统筹支付比例", percent(told.ratio)),)
    limits = tuple(
        (f"{fund_type_name(limit.fund_type, limit.name)}限额余", format_yuan(limit.left_fen))
        for limit in told.limits
    )
    return (*ratio, *limits, *(("平台说明", working.text) for working in told.workings))


def percent(ratio: Ratio) -> str:
    """A ratio of the wire as people read it: 0.6000 is 60%."""
    whole, rest = divmod(int(ratio), 100)
    return f"{whole}.{rest:02d}%" if rest else f"{whole}%"
