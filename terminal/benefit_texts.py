"""Texts about benefits: kinds, filings, approvals, prescriptions, goods. Part of `terminal.texts`, which is asked for them."""

from collections.abc import Mapping

BENEFIT_TEXTS: Mapping[str, str] = {
    "disease_not_asked": "This kind of visit is for no filed disease. Nothing was sent. Leave the disease empty and give the diagnosis.",
    "disease_not_open": "This filed disease is not among those that can be settled for people of other provinces. Nothing was sent. Pick one that is open, or settle as an ordinary visit.",
    "not_networked": "This institution is not open for cross-province settlement, and the person is insured in another province. Nothing was booked. The person can pay in cash and claim at home, or go to an institution that is open.",
    "advice_waiting_period": "In plain words: the insurance was joined, but its benefits have not begun yet. At a pharmacy the personal account may pay; otherwise it is paid in cash today.",
    "advice_not_networked": "In plain words: this institution is not connected for patients from elsewhere. Pay in cash and claim at home, or go to one that is connected.",
    "advice_two_not_open": "In plain words: the two-disease benefit is paid only in the person's own province.",
    "advice_disease_not_open": "In plain words: this disease cannot be settled directly in another province. It may be settled as an ordinary visit, or paid in cash and claimed at home.",
    "advice_disease_not_registered": "In plain words: this disease is not on record for the person. It has to be filed first; until then it is settled as an ordinary visit.",
    "advice_use_chronic": "In plain words: the person holds this disease as a chronic disease, which pays better. Open the visit for the chronic disease.",
    "advice_benefit_not_open": "In plain words: the person's insured place does not offer this benefit.",
    "advice_agreement": "In plain words: the insurance does not settle with this institution at the moment. The person can pay in cash or go elsewhere; earlier settlements can still be cancelled.",
    "advice_later_settlement": "In plain words: the person settled something later, which has to be cancelled first, the newest before the older.",
    "advice_already_undone": "In plain words: this settlement has been undone before; the money is back already.",
    "advice_year_closed": "In plain words: that year is closed. The insurance office has to do it.",
    "advice_not_enrolled": "In plain words: no enrolment in force was found. It can be paid in cash; the insurance office knows why.",
    "advice_card_blocked": "In plain words: the card was reported lost or stopped. Use the 医保码 or the identity card.",
    "advice_prescription": "In plain words: the prescription cannot be used here now. Look it up again, or sell without it from the personal account.",
    "advice_quote_again": "In plain words: a balance or limit has moved meanwhile. Ask for the quote again and show the new amounts.",
    "agreement_ended": "The service agreement of this institution ended on {until}. No new sale is started; earlier settlements can still be cancelled. Nothing was booked. Take it up with the insurance agency, then correct [institution] agreement_until.",
    "agreement_ends": "The service agreement of this institution ends on {until}. Selling goes on until then; renew it in time.",
    "nothing_to_explain": "The hub has refused nothing of this sale that could be explained. Nothing was printed.",
    "explanation_not_printed": "The explanation could not be printed ({reason}). No money is concerned. Its words are on the screen; try again when the printer is ready.",
    "prescription_not_open": "Prescription {number} is not there for this person, or is dispensed, void or expired. Nothing was locked. Look at the person's list again.",
    "prescription_lines": "The lines of this sale are not those of prescription {number}: each must stand on it, with no more than it says. Nothing was locked. Put other goods on a sale of their own.",
    "no_prescription_here": "Circulating prescriptions belong to purchases. Nothing was done.",
    "not_a_pharmacist": "A prescription is reviewed by a pharmacist whom the counter's file names with a code ([[staff]]). Nothing was locked. Have the pharmacist on duty review it.",
    "pharmacist_credit": "This pharmacist has credit level D and reviews no pooled prescription. Nothing was locked. Have another pharmacist review it.",
    "not_permitted": "That is not for this operator: the sale is over, or another operator served the person. Nothing was asked; the audit log has noted it. A supervisor may ask.",
}  # fmt: skip
