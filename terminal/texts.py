"""What the counter says to people: every message code with its English text; Chinese stands in the message catalogue.

A message says what happened, who holds the money, and what to do next. Texts never carry names, numbers of people or
tokens; the parameters are amounts, counts, item names and the hub's own words.
"""

import gettext
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files

import msgspec

from terminal.core.values import Notice

DOMAIN = "terminal"

TEXTS: Mapping[str, str] = {
    # the money
    "settled": "Settled. Fund and account are booked at the hub; the customer pays the cash part.",
    "settled_differently": "Settled, but the split differs from the quote (a balance or limit moved meanwhile). Show the new amounts; if the customer does not agree, cancel.",
    "refused": "The hub refused: {text} Nothing was booked, nobody owes anything. Correct it and settle again.",
    "not_sent": "The request did not leave this machine ({reason}). Nothing was booked. Confirm again to send the same request, or give the sale up.",
    "doubt": "Outcome unknown ({reason}). The hub may or may not have booked it. Do not settle again and take no money: the terminal is reversing it and will say when it is over.",
    "quarantined": "The hub booked something that does not fit this sale. It is being reversed; take no money and hand nothing over.",
    "reversal_waits": "Not settled; the reversal is still waiting for the hub (try {tries}). Take no money for this sale.",
    "reversal_alarm": "Not settled; the reversal has been without answer {tries} times and goes on. Call the supervisor; take no money for this sale.",
    "reversal_quiet": "The hub knows of no such settlement so far. The terminal asks once more after the quiet time; take no money meanwhile.",
    "reversed": "Reversed. The settlement is undone at the hub, nobody owes anything. It may be settled again.",
    "reversed_unseen": "Reversed: the hub twice knew of no such settlement, nothing was booked. The day's reconciliation has the last word.",
    "manual": "Open for more than 24 hours. A person must look into it; the terminal goes on asking and keeps this sale number blocked.",
    "cancelled": "Cancelled. The hub has given fund and account money back; return the cash part to the customer.",
    "cancel_refused": "The hub refused the cancellation: {text} The settlement stands as before.",
    "cancel_not_sent": "The cancellation did not leave this machine ({reason}). The settlement stands as before; cancel again when the hub is reached.",
    "cancel_doubt": "Cancellation outcome unknown ({reason}). The terminal finishes it by itself; do not return cash before it says so.",
    "cancel_waits": "The cancellation is still waiting for the hub (try {tries}). Do not return cash yet.",
    "cancel_alarm": "The cancellation has been without answer {tries} times and goes on. Call the supervisor; do not return cash yet.",
    "abandoned": "Given up. Nothing was sent that books; nobody owes anything.",
    "abandoned_at_start": "The terminal was restarted before anything was sent. Nothing was booked; start the sale again.",
    # before the money
    "hub_not_reached": "The hub is not reached ({reason}). Nothing was sent or booked. Check the network, then try again.",
    "hub_silent_question": "The hub did not answer the question ({reason}). Nothing was booked. Try again.",
    "hub_refused_question": "The hub says: {text} Nothing was booked.",
    "hub_unclear_question": "The hub gave an unclear answer: {text} Nothing was booked. Try again.",
    "hub_answer_unusable": "The hub's answer to {infno} cannot be used. Nothing was booked. Try again, then call the service.",
    "hub_amounts_broken": "The amounts in the hub's answer do not add up. Nothing is settled by it. Try again, then call the service.",
    "another_person": "The hub names another person than the code does. Nothing was booked. Ask the customer for a fresh code.",
    "not_insured_now": "This person has no insurance in force. Nothing was booked; the sale can be paid in cash.",
    "key_locked": "The signing key is not unlocked. Nothing was sent. See `yibao doctor`, or wait until the terminal is ready.",
    "not_signed_in": "The terminal is not signed in at the hub. Nothing was sent. Check the network, then try again.",
    "lane_gate": "Another sale on this till is still in doubt. Wait until it is over (at most {seconds} s); then confirm again.",
    "person_in_doubt": "For this customer a settlement is still in doubt. Wait until it is over before settling again.",
    # codes
    "not_a_certificate": "This is not a medical-insurance code. Nothing was sent. Ask the customer to show the 医保码.",
    "payment_code": "This is a payment code, not the medical-insurance code. Nothing was sent or charged. Ask for the 医保码.",
    "code_expired": "The code has expired. Nothing was booked. Ask the customer to refresh the code and scan again.",
    "code_unknown": "The centre does not know this code. Nothing was booked. Ask the customer to refresh the code and scan again.",
    "code_used": "This code has been used before. Nothing was booked. Ask the customer for a fresh code.",
    "certificate_not_activated": "The certificate is not activated. Nothing was booked. Help the customer to activate it, or use the card.",
    "certificate_frozen": "The certificate is frozen or cancelled. Nothing was booked. The customer must ask the insurance office.",
    "centre_refused": "The certificate centre refused (code {centre_code}). Nothing was booked. Ask for a fresh code.",
    "centre_not_reached": "The certificate centre is not reached ({reason}). Nothing was booked. Scan again when the network is back.",
    "bad_check_digit": "The barcode has a wrong check digit. Nothing was added. Scan it again or type it in.",
    "unknown_barcode": "The shop's item list has no such barcode. Nothing was added.",
    "unknown_code": "This code cannot be used here. Nothing was added or sent.",
    "trace_without_item": "A trace code belongs to an item: scan the item's barcode first.",
    "duplicate_trace_code": "This pack's trace code is already in the basket. Nothing was added.",
    "scan_unreadable": "The scanner delivered something unreadable. Nothing was added. Scan again.",
    "no_open_sale": "No sale is open on this till. Start a sale, then scan.",
    # visits
    "visit_step_unknown": "The hub did not answer a step of the visit ({reason}). No money is concerned. Ask for the quote again: the terminal first finds out what arrived.",
    "visit_has_person": "A visit already stands at the hub in this person's name. Give it up before another medium is used.",
    "filings_unknown": "The filed diseases are not known yet: read the card or give the code first.",
    "disease_not_filed": "This disease is not filed for the person. Nothing was sent. Pick one of the filed diseases.",
    "no_filing": "The hub knows of no chronic or special disease filed for this person. Nothing was booked. File it first, or settle as an ordinary visit.",
    "not_entitled": "The hub says the person is not entitled to this benefit now: {text} Nothing was booked.",
    "no_diagnosis": "A diagnosis with code and name is needed. Nothing was sent.",
    "not_an_identity_number": "This is not a valid identity number. Nothing was sent. Type it again.",
    # commands
    "busy": "This sale is being worked on. Wait a moment and look at its status.",
    "not_open_for_changes": "This sale can no longer be changed (state {state}).",
    "no_lines": "There is nothing on the charge sheet yet.",
    "no_medium": "No medium yet: scan the customer's code first.",
    "nothing_to_confirm": "There is nothing to confirm (state {state}).",
    "too_late_to_abandon": "This sale can no longer be given up (state {state}); a settled sale is cancelled instead.",
    "nothing_to_cancel": "There is no settlement to cancel (state {state}).",
    "nothing_to_acknowledge": "There is no result to acknowledge (state {state}).",
    "unknown_settlement": "No sale has this number.",
    "idempotency_conflict": "The same idempotency key was used for another request. The first one stands untouched.",
    "sale_number_open": "This sale number has a settlement that is not over. Ask for its status instead of opening it again.",
    "not_ready": "The terminal is still starting ({state}). Nothing was done. Try again in a moment.",
    "journal_failed": "The journal can no longer be written ({reason}). No new sale is accepted; the terminal stops. Free the disk or call the service, then start it again: it believes only what is on disk.",
    "bad_request": "The request cannot be read: {reason}. Nothing was done.",
    # start
    "already_running": "Another service already runs this counter. Nothing was started; use that one, or stop it first.",
    "state_folder_unusable": "The state folder cannot be used ({reason}). Nothing was started. Correct the folder or its rights.",
    "no_key_password": "No key password is configured. Name a mode-0600 file in [keys] password_file, or give a systemd credential.",
    # paper
    "printer_waits": "The slip waits for the printer ({reason}). The settlement stands; the slip is printed as soon as the printer is ready.",
    "printer_unknown": "It is not known whether the slip came out ({reason}). The settlement stands. Look at the paper; print a copy if needed.",
    "printer_absent": "No printer is configured; slips wait.",
}  # fmt: skip


class Told(msgspec.Struct, frozen=True):
    """A message in both languages."""

    code: str
    zh: str
    en: str

    def both(self) -> str:
        """Chinese first, English second, on two lines."""
        return f"{self.zh}\n{self.en}"


@cache
def _chinese() -> gettext.NullTranslations:
    with as_file(files("terminal") / "locale") as folder:
        return gettext.translation(DOMAIN, folder, languages=["zh_CN"])


def tell(code: str, params: Mapping[str, str] | None = None) -> Told:
    """Return the text of a message code with its parameters put in; an unknown code is shown as it is."""
    english = TEXTS.get(code)
    if english is None:
        return Told(code, code, code)
    values = dict(params or {})
    return Told(code, _chinese().gettext(english).format(**values), english.format(**values))


def tell_notice(notice: Notice | None) -> Told | None:
    """Return the text of a settlement's notice."""
    return None if notice is None else tell(notice.code, notice.params)
