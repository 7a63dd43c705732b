"""What a refusal of the hub means in plain words, and what can be done instead (policy row R83).

A hub says no in its own words. Those words are always shown; where they are recognised, a sentence for people follows.
It never decides anything: an unrecognised text is shown alone. Patterns are tried in their order.
"""

import re
from typing import Final

_PATTERNS: Final[tuple[tuple[str, str], ...]] = (
    (r"\[WAITING_PERIOD\]|等待期", "advice_waiting_period"),
    (r"\[INST_NOT_NETWORKED\]|机构未(开通|联网)", "advice_not_networked"),
    (r"\[XPROV_TWO_NOT_OPEN\]|两病.{0,8}跨省", "advice_two_not_open"),
    (r"\[XPROV_DISEASE_NOT_OPEN\]|病种.{0,8}未开(通|放)", "advice_disease_not_open"),
    (r"\[DISEASE_NOT_REGISTERED\]|病种.{0,8}未(备案|登记)", "advice_disease_not_registered"),
    (r"\[USE_CHRONIC\]", "advice_use_chronic"),
    (r"\[BENEFIT_NOT_OPEN\]|待遇.{0,8}未开通", "advice_benefit_not_open"),
    (r"\[AGREEMENT_INVALID\]|协议.{0,6}(无效|暂停|终止|中止)", "advice_agreement"),
    (r"\[LATER_SETTLEMENT_EXISTS\]|存在.{0,6}(后续|之后).{0,4}结算", "advice_later_settlement"),
    (r"\[ALREADY_REVERSED\]|已(退费|撤销|冲正)", "advice_already_undone"),
    (r"\[YEAR_CLOSED\]|年度.{0,6}(关账|结转)", "advice_year_closed"),
    (r"\[DUPLICATE_ENROLMENT\]|重复参保", "advice_duplicate_enrolment"),
    (r"\[NOT_ENROLLED\]|未参保|无.{0,4}参保", "advice_not_enrolled"),
    (r"\[CARD_BLOCKED\]|挂失", "advice_card_blocked"),
    (r"\[RX_[A-Z_]+\]|处方.{0,8}(不存在|已|未)", "advice_prescription"),
    (r"\[AMOUNTS_CHANGED\]", "advice_quote_again"),
)
_COMPILED: Final = tuple((re.compile(pattern), code) for pattern, code in _PATTERNS)
ADVICE_CODES: Final = frozenset(code for _, code in _PATTERNS)


def advice_for(text: str) -> str:
    """Return the message code of the sentence for a hub's words, "" when they are not recognised."""
    return next((code for pattern, code in _COMPILED if pattern.search(text)), "")
