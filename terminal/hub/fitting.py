"""Does a profile fit this counter? What a profile asks of the site is checked before anything runs."""

from typing import Final

from protocols.hub.addresses import without_path
from protocols.hub.gateway import Credentials, missing_credentials
from protocols.hub.profile import Profile
from protocols.hub.signing import is_bound_by_content
from terminal.core.flows import (
    CLINIC_CANCELLATION,
    CLINIC_VISIT,
    PHARMACY_CANCELLATION,
    PHARMACY_PURCHASE,
    REMEDIES,
    REVERSAL,
    WITHDRAWALS,
    Act,
    Flow,
)

_QUERIES: Final = ("9001", "5201", "5203", "3201", "3202", "9101", "9102")
"""What every counter asks besides its flows: sign-in, whether the hub answers again, a settlement, the day's reconciliation."""

_REVIEW: Final = frozenset({"3101", "3103"})
"""Sent only where the profile asks for a review."""


def misfit(profile: Profile, credentials: Credentials, institution: str, hub_url: str) -> str:
    """Return why this profile cannot be used here, as key and reason; "" when it can."""
    missing = missing_credentials(profile, credentials)
    if missing:
        return f"hub.credentials: the profile {profile.name} needs {', '.join(missing)}"
    if is_bound_by_content(profile) and not hub_url.startswith("https:"):
        return (
            f"hub.url: the profile {profile.name} has answers whose signature does not bind them to our request;"
            " it needs https with a pinned authority (hub.ca), on this machine too"
        )
    settle = _purchase_of(institution).by_act(Act.SETTLE).message
    if not profile.is_reversible(settle):
        return (
            f"hub.profile: {profile.name} does not name {profile.wire_number(settle)} under outcome.reversible;"
            " a settlement without an answer could not be undone"
        )
    messages = dict.fromkeys(_messages(institution))  # each once
    if profile.review.before_quote == "none":
        messages = dict.fromkeys(infno for infno in messages if infno not in _REVIEW)
    nowhere = without_path(profile.hub, map(profile.wire_number, messages))
    if nowhere:
        return (
            f"hub.profile: {profile.name} is of URL shape U3, and no path is published for {', '.join(nowhere)};"
            " the profile must name it under hub.paths"
        )
    return ""


def _purchase_of(institution: str) -> Flow:
    return PHARMACY_PURCHASE if institution.startswith("P") else CLINIC_VISIT


def _messages(institution: str) -> tuple[str, ...]:
    if institution.startswith("P"):
        return (*_QUERIES, *_of(PHARMACY_PURCHASE, PHARMACY_CANCELLATION, REVERSAL))
    undone = (*WITHDRAWALS, *REMEDIES.values())
    return (*_QUERIES, *_of(CLINIC_VISIT, CLINIC_CANCELLATION, REVERSAL), *undone)


def _of(*flows: Flow) -> tuple[str, ...]:
    messages = (step.message for flow in flows for step in flow.steps)
    return tuple(message for message in messages if message and message != "ec.query")
