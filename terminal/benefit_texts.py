"""Texts about benefits: kinds, filings, approvals, prescriptions, goods. Part of `terminal.texts`, which is asked for them."""

from collections.abc import Mapping

BENEFIT_TEXTS: Mapping[str, str] = {
    "disease_not_asked": "This kind of visit is for no filed disease. Nothing was sent. Leave the disease empty and give the diagnosis.",
    "disease_not_open": "This filed disease is not among those that can be settled for people of other provinces. Nothing was sent. Pick one that is open, or settle as an ordinary visit.",
    "not_networked": "This institution is not open for cross-province settlement, and the person is insured in another province. Nothing was booked. The person can pay in cash and claim at home, or go to an institution that is open.",
}  # fmt: skip
