"""What the counter says to people: every message code with its English text; Chinese stands in the message catalogue.

A message says what happened, who holds the money, and what to do next. Texts never carry names, numbers of people or
tokens; the parameters are amounts, counts, item names and the hub's own words.
"""

import gettext
import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import as_file, files

import msgspec

from terminal.advice import advice_for
from terminal.benefit_texts import BENEFIT_TEXTS
from terminal.core.values import Notice

DOMAIN = "terminal"

TEXTS: Mapping[str, str] = {
    # the money
    "settled": "Settled. Fund and account are booked at the hub; the customer pays the cash part.",
    "settled_cash": "Settled. Fund and account are booked at the hub; collect the cash part, {cash} yuan.",
    "settled_no_cash": "Settled. Fund and account are booked at the hub; of the insurance's part there is nothing to collect in cash.",
    "settled_differently": "Settled, but the split differs from the quote (a balance or limit moved meanwhile). Show the new amounts; if the customer does not agree, cancel.",
    "refused": "The hub refused: {text} Nothing was booked, nobody owes anything. Correct it and settle again.",
    "not_sent": "The request did not leave this machine ({reason}). Nothing was booked. Confirm again to send the same request, or give the sale up.",
    "amount_changed": "The message would have asked for another amount than the customer was shown, so it was not sent. Nothing was booked. Give this sale up and open it anew; if it happens again, call the service: this machine's memory may be faulty.",
    "doubt": "Outcome unknown ({reason}). The hub may or may not have booked it. Do not settle again and take no money: the terminal is reversing it and will say when it is over.",
    "quarantined": "The hub booked something that does not fit this sale. It is being reversed; take no money and hand nothing over.",
    "reversal_waits": "This sale does not count as settled. The hub may hold a booking for it; the reversal that undoes it waits for the hub's answer (try {tries}). Take no money for this sale.",
    "reversal_alarm": "This sale does not count as settled. The hub may hold a booking for it; the reversal that undoes it has been without answer {tries} times and goes on. Call the supervisor; take no money for this sale.",
    "reversal_quiet": "The hub knows of no such settlement so far. The terminal asks once more after the quiet time; take no money meanwhile.",
    "reversed": "Reversed. The settlement is undone at the hub, nobody owes anything. It may be settled again.",
    "reversed_unseen": "Reversed: the hub twice knew of no such settlement, nothing was booked. The day's reconciliation has the last word.",
    "manual": "Open for more than 24 hours. A person must look into it; the terminal goes on asking and keeps this sale number blocked.",
    "cancelled": "Cancelled. The hub has given fund and account money back; return the cash part to the customer.",
    "cancelled_before": "The hub says that this sale was cancelled before; the fund and account money is back. Return the cash part to the customer only if it has not been returned: the till's cash records say so, and the customer's cancellation slip.",
    "cancel_refused": "The hub refused the cancellation: {text} The settlement stands as before.",
    "cancel_not_sent": "The cancellation did not leave this machine ({reason}). The settlement stands as before; cancel again when the hub is reached.",
    "cancel_doubt": "Cancellation outcome unknown ({reason}). The terminal finishes it by itself; do not return cash before it says so.",
    "cancel_quiet": "The hub refused the cancellation: {text} An earlier request for it had no answer and may still arrive, so the terminal asks once more after the quiet time. Do not return cash yet.",
    "cancel_waits": "The cancellation is still waiting for the hub (try {tries}). Do not return cash yet.",
    "cancel_alarm": "The cancellation has been without answer {tries} times and goes on. Call the supervisor; do not return cash yet.",
    "abandoned": "Given up before the settlement was sent. No money moved, nobody owes anything; a visit at the hub is taken back by the terminal.",
    "abandoned_at_start": "The terminal was restarted before the settlement was sent. No money moved; start again. A visit at the hub is taken back by the terminal.",
    # refunds
    "refund_cancelled": "The whole sale {number} is cancelled; return its cash part to the customer. What the customer keeps is open as a new sale under the same number: ask for the code again, show the new amounts, confirm.",
    "refund_cancelled_before": "The hub says that the whole sale {number} was cancelled before; return its cash part to the customer only if it has not been returned. What the customer keeps may be settled already, so it is not opened as a new sale. The hub's ledger says so (yibao reconcile DATE), and the customer's slip. Unless it is settled there: take cash for it, take it back, or sell it under a new number.",
    "refund_done": "Everything came back: the sale is cancelled. The hub has given fund and account money back; return the cash part to the customer.",
    "refund_rest_open": "What remains of the refunded sale {number}. Nothing of it is settled yet: ask for the customer's code, show the amounts, confirm. Or give it up.",
    "refund_rest_refused": "The hub refused to settle what remained after the refund: {text} The first sale is cancelled and its money is back with the customer; for the goods still kept nothing is paid. Take cash for them or take them back, or correct it and settle again.",
    "refund_rest_abandoned": "Given up: what remained after the refund is not settled again. The first sale stays cancelled and its money is back with the customer; for goods still kept take cash, or take them back.",
    "refund_rest_not_opened": "The whole sale {number} is cancelled; return its cash part to the customer, unless that was done. The refund was found in an old copy of the journal, so what the customer keeps is not opened as a new sale: it may be settled already. The hub's ledger says so (yibao reconcile DATE), and the customer's slip. Unless it is settled there: take cash for it, take it back, or sell it under a new number.",
    "rest_in_old_copy": "What remained after a refund was found open in an old copy of the journal; it may be settled already, so it is given up here. The hub's ledger says so (yibao reconcile DATE), and the customer's slip. Unless it is settled there: take cash for the goods still kept, take them back, or sell them under a new number.",
    "refund_other_person": "What remains of a refund can only be settled for the person of the first sale. Nothing was booked. Ask that customer for a code, or give this sale up.",
    "nothing_to_refund": "There is no settled sale to take goods back from (state {state}). Nothing was done. If its outcome is open, wait until it is known.",
    "refund_line": "Line {line} cannot come back: the sheet has no such line, or it was named twice. Nothing was done. Name each line that comes back once.",
    "refund_too_much": "Of line {line} that quantity cannot come back; {sold} were sold. Nothing was done.",
    "refund_trace_codes": "Line {line} was sold with trace codes: scan those of the packs that come back. Nothing was done.",
    "refund_differs": "This sale already has a refund of other goods. That one stands untouched. To take back more, refund the new sale.",
    "no_refund_under_way": "There is no refund of this sale to withdraw (state {state}). Nothing was done.",
    # before the money
    "hub_not_reached": "The hub is not reached ({reason}). Nothing was sent or booked. Check the network, then try again.",
    "hub_not_trusted": "What answers at the hub's address cannot prove that it is the hub, so nothing was sent and nothing was booked. Its certificate is wrong or outdated, this machine's clock is off, or somebody stands in the line. Call the service (`yibao doctor` says which); afterwards go on with this sale, or give it up.",
    "hub_not_understood": "What answers at the hub's address does not answer as the profile {profile} says ({reason}). Nothing was booked. Try again; if it stays so, have [hub] profile, url, credentials and public_key checked: this terminal may speak another province's way.",
    "field_too_long": "The field {field} is longer than this hub takes it (profile, limits.check_printed). The message was not sent and nothing was booked. Have it shortened where it comes from; nothing is ever cut by the terminal.",
    "hub_silent_question": "The hub did not answer the question ({reason}). Nothing was booked. Try again.",
    "hub_refused_question": "The hub says: {text} Nothing was booked.",
    "hub_unclear_question": "The hub gave an unclear answer: {text} Nothing was booked. Try again.",
    "hub_answer_unusable": "The hub's answer to {infno} cannot be used. Nothing was booked. Try again, then call the service.",
    "hub_amounts_broken": "The amounts in the hub's answer do not add up. Nothing is settled by it. Try again, then call the service.",
    "another_person": "The hub names another person than the code does. Nothing was booked. Ask the customer for a fresh code.",
    "not_insured_now": "This person has no insurance in force. Nothing was booked; the sale can be paid in cash.",
    "not_insured_so": "This person has no enrolment {asked} in force, but has {others}. Nothing was booked. Start again without naming one, or name one of these.",
    "key_locked": "The signing key is not unlocked. Nothing was sent. See `yibao doctor`, or wait until the terminal is ready.",
    "not_signed_in": "The terminal is not signed in at the hub. Nothing was sent. Check the network, then try again.",
    "lane_gate": "Another sale on this till is still in doubt. Wait until it is over (at most {seconds} s); then confirm again.",
    "person_in_doubt": "For this customer a settlement is still in doubt. Wait until it is over before settling again.",
    # submissions: filings, mappings, stock and sales; no money moves by them
    "submission_row": "Row {row}, field {field}: {reason}. Nothing of the file was sent; correct that row and submit it again. No money is concerned.",
    "unknown_submission": "There is no such submission. Nothing was done.",
    "submission_not_open": "This submission does not wait for a decision (state {state}). Nothing was done.",
    "submission_too_early": "A message of this submission had no answer and may still arrive at the hub, so it is not sent again before {at}. Nothing was done. Look at the hub after that time, and say again only if it is not there then.",
    "submission_waiting": "Not sent yet ({reason}). The terminal sends it by itself.",
    "submission_sent": "On its way to the hub.",
    "submission_unknown": "The hub did not answer ({reason}) and may have taken it. The terminal looks, or sends it again, by itself; do not submit it a second time.",
    "submission_held": "A person has to decide ({reason}): the hub may have taken it, or may still do so for some minutes. Look there after that, then say what is to be done: yibao submissions decide ID again, accepted or given_up.",
    "submission_accepted": "The hub has it.",
    "submission_partly": "The hub took some rows and refused others. Correct those that failed and submit them in a new file.",
    "submission_refused": "The hub refused it: {text} It has nothing of it. Correct it and submit it anew.",
    "submission_given_up": "Given up. The terminal sends nothing more of it.",
    "submission_held_now": "Submission {id} ({kind}) waits for a person; see yibao submissions. No sale is concerned.",
    "submission_refused_now": "The hub refused submission {id} ({kind}); see yibao submissions. No sale is concerned.",
    "submission_partly_now": "The hub took only some rows of submission {id} ({kind}); see yibao submissions. No sale is concerned.",
    # codes
    "not_a_certificate": "This is not a medical-insurance code. Nothing was sent. Ask the customer to show the 医保码.",
    "payment_code": "This is a payment code, not the medical-insurance code. Nothing was sent or charged. Ask for the 医保码.",
    "code_expired": "The code has expired. Nothing was booked. Ask the customer to refresh the code and scan again.",
    "code_unknown": "The centre does not know this code. Nothing was booked. Ask the customer to refresh the code and scan again.",
    "code_used": "This code has been used before. Nothing was booked. Ask the customer for a fresh code.",
    "certificate_not_activated": "The certificate is not activated. Nothing was booked. The customer can do it on the phone in {entry}: accept the terms, real name, face, six-digit password; then scan the new code. Or use the card.",
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
    # cards
    "card_no_service": "The smart-card service is not running. Nothing was read. The terminal goes on looking for it; see `yibao doctor`.",
    "card_no_reader": "The card reader is not there. Nothing was read. Check its cable, then insert the card again.",
    "card_no_card": "There is no card in the reader. Insert the social-security card.",
    "card_mute_card": "The card does not answer. Nothing was read. Turn it round or wipe the chip, then insert it again.",
    "card_removed": "The card was pulled out while it was read. Nothing was sent. Insert it again and leave it in.",
    "card_reader_busy": "Another program holds the reader. Nothing was read. Close it, or wait and try again.",
    "card_reader_timeout": "The reader does not answer in time. Nothing was read. Unplug and replug the reader, then try again.",
    "card_reset": "Another program reset the card while it was read. Nothing was sent. Try again.",
    "card_protocol_mismatch": "Reader and card do not agree on a protocol. Nothing was read. Insert the card again, or use another reader.",
    "card_reader_broken": "The reader reports a fault. Nothing was read. Replug it; if it happens again, replace it.",
    "card_reader": "The reader failed. Nothing was read. Try again; if it happens again, see `yibao doctor`.",
    "card_not_social_security_card": "This is not a social-security card. Nothing was sent. Ask for the social-security card, or use another medium.",
    "card_blocked": "The card is blocked. Nothing was sent. The holder has to see the card-issuing office; use another medium today.",
    "card_refused": "The card refused a command. Nothing was sent. Insert it again; if it happens twice, use another medium.",
    "card_garbled_answer": "The card answered with garbled bytes. Nothing was sent. Wipe the chip and insert it again.",
    "card_bad_card_content": "The content of the card is damaged. Nothing was sent. Use another medium; the card should be replaced.",
    "card_tag_missing": "A data item is missing on the card. Nothing was sent. Use another medium; the card should be replaced.",
    "card_record_too_long": "A data item of the card is longer than allowed. Nothing was sent. Use another medium.",
    "card_malformed_record": "A data item of the card is malformed. Nothing was sent. Use another medium.",
    "card_undecodable_text": "The name on the card cannot be decoded. Nothing was sent. Use another medium; the card should be replaced.",
    "card_unknown_generation": "This generation of card is not known here. Nothing was sent. Use another medium.",
    "card_no_reader_configured": "No card reader is configured at this counter. Use the 医保码 or the identity number.",
    "card_no_binding": "The PC/SC library is not installed on this machine, so no card can be read. Use another medium today; the service runs the set-up again with the PC/SC headers there.",
    "apdu_malformed": "This is no short command APDU in hexadecimal. Nothing was sent to the card. Write CLA INS P1 P2 [Lc data] [Le], for example 00A4040000.",
    "apdu_pin": "Commands that carry or change a PIN (instruction {ins}) are not sent from here: wrong tries close the card for good. Nothing was sent.",
    # review
    "review_found": "The hub's review warns of {count} points; read them. Nothing was booked. Carry on and say why, or go back and change the goods.",
    "review_unanswered": "What the hub's review found has no answer yet. Nothing was sent. Carry on and say why, or go back and change the goods.",
    "review_needs_reason": "Carrying on needs a reason in words (2 to 200 characters). Nothing was sent.",
    "review_blocks": "The hub's review forbids to carry on (rule {rules}). Nothing was sent. Change the goods, or give the sale up.",
    "review_change": "The hub has noted that you go back. Change the goods, then ask for the quote again.",
    "review_not_taken": "The hub did not take the answer to its review: {text} No money is concerned; your answer is kept in the journal and the sale goes on.",
    "review_feedback_unknown": "The hub did not confirm the answer to its review ({reason}). No money is concerned. Ask for the quote again: the answer is sent once more.",
    "review_feedback_lost": "The hub has not confirmed your answer to its review ({reason}). It is not sent again: the journal keeps the answer, and no money is concerned. Go on with the sale.",
    "nothing_to_review": "This sale has nothing of the hub's review to answer (state {state}). Nothing was sent.",
    # clearing
    "clearing_by_portal": "This hub takes no clearing application (3203): the institution applies on its portal. Nothing was sent. `yibao clearing month` has the figures.",
    "clearing_not_over": "{month} is not over: its sums still grow. Nothing was sent. Apply when the month has ended.",
    "clearing_without_amounts": "{count} settlements of the month were confirmed by two people out of an old copy of the journal: they stand at the hub, and their amounts are there only. Nothing was sent. Apply for this month on the agency's portal, with the hub's own figures.",
    "clearing_open": "{count} settlements of the month have an open outcome. Nothing was sent. Apply when they are known: `yibao doubts`.",
    "clearing_nothing": "There is nothing of this month to tell the hub. Nothing was sent.",
    # visits
    "visit_step_unknown": "The hub did not answer a step of the visit ({reason}). No money is concerned. Ask for the quote again: the terminal first finds out what arrived.",
    "visit_has_person": "A visit already stands at the hub in this person's name. Give it up before another medium is used.",
    "withdrawal_refused": "The hub keeps refusing to take this visit back: {text} No money is concerned. Ask the insurance office to remove the registration.",
    "filings_unknown": "The filed diseases are not known yet: read the card or give the code first.",
    "disease_not_filed": "This disease is not filed for the person. Nothing was sent. Pick one of the filed diseases.",
    "no_filing": "The hub knows of no chronic or special disease filed for this person. Nothing was booked. File it first, or settle as an ordinary visit.",
    "not_entitled": "The hub says the person is not entitled to this benefit now: {text} Nothing was booked.",
    "no_diagnosis": "A diagnosis with code and name is needed. Nothing was sent.",
    "not_an_identity_number": "This is not a valid identity number. Nothing was sent. Type it again.",
    # commands
    "busy": "This sale is being worked on. Wait a moment and look at its status.",
    "out_of_turn": "An answer came that nobody waits for (state {state}). Nothing was changed by it.",
    "internal_error": "Something went wrong inside the terminal. This step sent nothing; what had been sent before is followed up by itself. Look at the sale's status and go on from there.",
    "not_open_for_changes": "This sale can no longer be changed (state {state}).",
    "no_lines": "There is nothing on the charge sheet yet.",
    "no_medium": "No medium yet: scan the customer's code first.",
    "nothing_at_hub": "Nothing of this sale stands at the hub yet, so there is no record to ask for.",
    "nothing_to_confirm": "There is nothing to confirm (state {state}).",
    "too_late_to_abandon": "This sale can no longer be given up (state {state}); a settled sale is cancelled instead.",
    "nothing_to_cancel": "There is no settlement to cancel (state {state}). Nothing was done. If its outcome is open, wait until it is known.",
    "nothing_to_acknowledge": "There is no result to acknowledge (state {state}).",
    "nothing_to_copy": "There is no slip of this sale that could be printed again (state {state}). Nothing was done.",
    "unknown_settlement": "No sale has this number.",
    "no_evidence": "No message of this sale was ever sent that could change the hub: there is nothing to prove.",
    "day_past_term": "The sales of {date} are past their term: what a comparison with the hub needs has been deleted. Nothing was compared; the insurance office has the records.",
    "evidence_past_term": "This sale is past its term: its messages, charge sheet and names have been deleted. State, date and amounts are left. It can no longer be cancelled or printed from here: go to the insurance office with the receipt.",
    "idempotency_conflict": "The same idempotency key was used for another request. The first one stands untouched.",
    "sale_number_open": "This sale number has a sale of today already (state {state}). Nothing was opened. Ask for the status of that sale; another sale takes another number.",
    "not_ready": "The terminal is still starting ({state}). Nothing was done. Try again in a moment.",
    "journal_failed": "The journal can no longer be written ({reason}). No new sale is accepted; the terminal stops. Free the disk or call the service, then start it again: it believes only what is on disk.",
    "bad_request": "The request cannot be read: {reason}. Nothing was done.",
    "number_in_text": "{member} holds a number long enough to be a person's or a code's. This text is kept readable, so it is not taken. Nothing was done. Say who by an operator's number, and why without such numbers.",
    # no new sale
    "journal_rolled_back": "The journal on this disk is not the one that was here: it has {count} audit records, a witness outside knows of {noted}. An old copy was put back, or its end was cut off. No new sale is started, and no reversal, cancellation or withdrawal is sent: what looks open here may be settled. The hub's ledger says who holds the money: reconcile the missing days (yibao reconcile DATE), have two people close what it offers (--fix), call the service, then have two people accept the journal (yibao journal accept).",
    "found_in_old_copy": "Found open in an old copy of the journal; it may have ended since, and the customer may have goods and slip. Nothing is sent for it. The hub's ledger says who holds the money: reconcile the day (yibao reconcile DATE), then two people close it as the report shows. Take and return no money before.",
    "put_off_in_old_copy": "Put off: this journal is an old copy, so nothing is sent for it before two people have accepted the journal. The hub's ledger says who holds the money: reconcile the day (yibao reconcile DATE). Take and return no money before.",
    "doubts_not_ruled": "{count} settlements of this journal are still open, and the reports do not prove that the hub has nothing of them: {sales}. Nothing was changed. Close what a report offers to close (yibao reconcile DATE --fix); ask the insurance office about the others. Or accept with --undo-open: then what stands at the hub is undone there, also where the customer has the goods.",
    "may_be_undone": "A record at the hub may have undone this settlement: a report lists one, or a day's books do not account for everything. Nothing was changed. Reconcile those days again (yibao reconcile DATE); where a report offers to close it as cancelled, do that. Otherwise ask the insurance office. If this journal is an old copy: once it is accepted, the terminal asks the hub, and undoes nothing twice.",
    "hub_number_unknown": "This settlement was confirmed by two people; the hub's number of it never reached this journal, so it cannot be cancelled here. Nothing was done: it stands. Have the insurance office cancel it.",
    "confirmed_by_ruling": "Confirmed by two people: the day's reconciliation shows that it stands at the hub. The slip that is out is the slip; amounts are in the hub's ledger.",
    "disk_full": "The disk is full ({free} MB left). No new sale is started. Settlements made so far stand at the hub and in the journal; open doubts are still finished, from space kept aside. Free space on the journal's disk; selling goes on by itself.",
    "disk_read_only": "The disk has become read-only. No new sale is started. Settlements made so far stand at the hub and in the journal; what is open is finished after the repair. A disk that does this by itself is failing: call the service, have it mounted read-write, then start the terminal again.",
    "disk_low": "The disk is getting full ({free} MB left). Sales go on. Free space on the journal's disk soon: a full disk stops new sales.",
    "clock_behind": "This machine's clock ({now}) is behind the newest trusted time ({floor}). No new sale is started, open doubts are still finished. Nothing was booked for this sale. Set the clock (NTP); selling goes on by itself.",
    "clock_jumped": "This machine's clock jumped: it says {now}, it should be about {floor}. No new sale is started until the hub or a time server has confirmed the time; open doubts are still finished. Nothing was booked for this sale. Set the clock (NTP); selling goes on by itself.",
    "clock_not_the_hubs": "This machine's clock said {now} when the hub's said {hub}. Nothing was deleted, because deleting cannot be undone. Set the clock (NTP) and try again.",
    "hub_not_heard": "The hub has not answered since the start, so nobody has confirmed this machine's clock ({now}). Nothing was deleted, because deleting cannot be undone. It is tried again by itself; check the line to the hub.",
    "days_not_reconciled": "First these days must be compared with the hub: {dates}. Nothing was changed. Use: yibao reconcile DATE",
    "nothing_contradicts": "Nothing contradicts this journal; there is nothing to accept.",
    # start
    "already_running": "Another service already runs this counter. Nothing was started; use that one, or stop it first.",
    "state_folder_unusable": "The state folder cannot be used ({reason}). Nothing was started. Correct the folder or its rights.",
    "no_key_password": "No key password is configured. Name a mode-0600 file in [keys] password_file, or give a systemd credential.",
    # paper
    "printer_waits": "The slip waits for the printer ({reason}). The settlement stands; the slip is printed as soon as the printer is ready.",
    "printer_unknown": "It is not known whether the slip came out ({reason}). The settlement stands. Look at the paper; print a copy if needed.",
    "slip_not_unknown": "No slip of this sale is in question: it is printed, waits for the printer, or there is none. Nothing was done.",
    "slip_impossible": "The slip cannot be drawn. The settlement stands. Call the service; its amounts are on the screen.",
    "printer_absent": "No printer is configured; slips wait.",
    # the fleet
    "catalogue_changed": "The hub has a newer catalogue: {catalogue}, version {version}. Selling goes on; import it when there is time.",
    "hub_maintenance": "The hub announces maintenance from {starts} to {ends}. Settlements may fail in that time.",
    "fleet_message": "Message from terminal operations: {text}",
    "broker_unreachable": "The message broker is not reached ({detail}). Selling is not affected; the terminal keeps trying.",
    "broker_silent": "The message broker does not answer ({detail}). Selling is not affected; the terminal keeps trying.",
    "broker_lost": "The connection to the message broker ended ({detail}). Selling is not affected; the terminal keeps trying.",
    "broker_bad_credentials": "The message broker refuses this terminal's name or password ({detail}). Selling is not affected. Correct [broker] password_file, or enrol the terminal at the broker.",
    "broker_not_authorised": "The message broker does not let this terminal do that ({detail}). Selling is not affected. Correct the broker's access rules.",
    "broker_identifier_rejected": "The message broker rejects this terminal's client id ({detail}). Selling is not affected. Check institution code and slot, and the broker's settings.",
    "broker_protocol": "The message broker does not speak this version of MQTT ({detail}). Selling is not affected. Set [broker] mqtt to \"3.1.1\".",
    "broker_taken_over": "Somebody else is connected to the message broker under this terminal's name ({detail}). Selling is not affected. Two terminals with one identity: call the service.",
    "broker_certificate_expired": "The message broker's certificate is out of its dates ({detail}). Selling is not affected. Check this machine's clock, then have the certificate renewed.",
    "broker_certificate_untrusted": "The message broker's certificate is not from the configured authority ({detail}). Selling is not affected. Check [broker] ca and url.",
    "broker_certificate_name": "The message broker's certificate is for another name ({detail}). Selling is not affected. Check [broker] url.",
    "broker_own_certificate_expired": "This terminal's certificate for the message broker has expired ({detail}). Selling is not affected. Have it renewed.",
    "broker_tls": "No TLS connection to the message broker can be made ({detail}). Selling is not affected. Check [broker] url and the broker's listener.",
    "broker_files": "A file of the message broker's settings cannot be used ({detail}). Selling is not affected. Correct it under [broker].",
    # reconciliation
    "reversed_by_ruling": "Closed as reversed by two people: the day's reconciliation shows nothing of it at the hub. Nobody owes anything.",
    "cancelled_by_ruling": "Closed as cancelled by two people: the day's reconciliation shows the cancellation at the hub. Return the cash part to the customer.",
    "cancel_ruled_out": "The cancellation is closed as not done by two people: the hub does not have it. The settlement stands.",
    "reconciled_level": "Reconciliation of {date}: level with the hub.",
    "reconciled_explained": "Reconciliation of {date}: there are differences, all of them accounted for. Nothing is to be done.",
    "reconciled_differs": "Reconciliation of {date}: {count} differences to look at. See: yibao reconcile {date}",
    "reconciled_not": "Reconciliation of {date} could not be completed: the hub was not reached or gave no usable answer. Run it again: yibao reconcile {date}",
    "not_reconciled": "The day {date} has not been reconciled since the terminal was started. Reconcile it first.",
    "two_operators": "A correction takes two different operators. Nothing was done.",
    "no_such_difference": "The newest report of that day has no such difference. Nothing was done. Reconcile the day again.",
    "nothing_to_fix": "For this difference there is nothing that the terminal can carry out. Nothing was done.",
    "nothing_to_correct": "The sale is not in a state that can be corrected like this (state {state}). Nothing was done. Reconcile the day again.",
    "recon_kind_hub_only": "only at the hub",
    "recon_kind_terminal_only": "only here",
    "recon_kind_amount_differs": "both, but different",
    "recon_kind_open": "outcome still open here",
    "recon_kind_unreadable": "unreadable line in the hub's file",
    "recon_kind_unexplained": "totals differ by more than the file names",
    "recon_cause_late_answer": "The answer was lost or late; the sale was reversed the same day. The hub holds both records.",
    "recon_cause_crash": "The terminal was stopped before the answer came; the sale was reversed the same day. The hub holds both records.",
    "recon_cause_reversal_after_cutoff": "Reversed on a later day: the hub's two records lie on two days.",
    "recon_cause_committed_after_not_found": "The hub said twice that there is no such record, and has it after all: the customer is charged for a sale that is over.",
    "recon_cause_operator_cancellation": "Cancelled by an operator; the hub leaves it out.",
    "recon_cause_lost_cancellation_answer": "Cancelled; the answer with the hub's number of the cancellation was lost.",
    "recon_cause_still_open": "The terminal is still working on it by itself.",
    "recon_cause_waits_for_people": "Open for more than 24 hours, or found open in an old copy of the journal: people decide.",
    "recon_cause_confirmed_by_ruling": "Two people confirmed it from an old copy of the journal; the hub's number never reached this one.",
    "recon_cause_other_terminal": "Made by another terminal of the institution, which reconciles it itself.",
    "recon_cause_unknown_message": "The message id is of this terminal, but its journal does not know it. Was an old journal put back?",
    "recon_cause_reversed_but_listed": "The hub signed that it is reversed, and lists it without the reversal.",
    "recon_cause_refused_but_booked": "The hub signed a refusal, and lists it as booked.",
    "recon_cause_booked_twice": "The hub has more than one record under one message id.",
    "recon_cause_other_day_or_group": "Here it stands on another day, or under another scheme, category or agency.",
    "recon_cause_missing_at_hub": "The hub signed that it is booked, and does not list it.",
    "recon_cause_amounts_differ": "The amounts of the signed answer are not those of the hub's record.",
    "recon_cause_data_differ": "The amounts agree; the hub says that other data differ.",
    "recon_cause_ids_contradict": "The line joins a number of ours with a person or message that does not belong to it.",
    "recon_cause_not_known": "The journal says nothing about it.",
    "recon_action_none": "nothing to do",
    "recon_action_wait": "wait, then reconcile again",
    "recon_action_ask_hub": "take it up with the insurance office",
    "recon_action_reverse": "reverse it (2601); two operators",
    "recon_action_cancel": "cancel the whole settlement and settle anew; two operators",
    "recon_action_close_reversed": "close as reversed; two operators",
    "recon_action_close_cancelled": "close as cancelled; two operators",
    **BENEFIT_TEXTS,
    "recon_action_close_confirmed": "close as standing: the settlement is at the hub and stays; two operators",
}  # fmt: skip

REASONS: Mapping[str, str] = {
    # the line to a server
    "refused": "the connection is refused",
    "unreachable": "there is no way to it",
    "name": "its name is not known",
    "tls": "its certificate is not trusted",
    "connect_timeout": "no connection in time",
    "timeout": "no answer in time",
    "disconnected": "the connection broke off",
    "broken": "the answer arrived damaged",
    "too_large": "the answer is too large",
    # an answer that proves nothing
    "http": "HTTP status {number}",
    "unreadable": "the answer cannot be read",
    "unsigned": "the answer is not signed",
    "bad signature": "the answer's signature is wrong",
    "no reference": "the answer carries no reference number of the hub",
    "no_path": "the profile names no path for it",
    "too_long": "a field is longer than the hub takes it",
    "gateway_token": "the gateway gives no token",
    "infcode": "answer code {number}",
    "malformed output": "the answer's content is malformed",
    "hub_amounts_broken": "the answer's amounts do not add up",
    "hub_answer_unusable": "the answer's content cannot be used",
    # ourselves
    "restart": "the terminal was restarted",
    "key_locked": "the signing key is locked",
    "internal": "an error inside the terminal",
    # submissions
    "opened": "just handed over",
    "restarted": "the terminal was restarted",
    "not_signed_in": "the terminal is not signed in",
    "sign_in_lost": "the hub did not know the sign-in",
    "content": "its stored content cannot be read by this version",
    "repeat_refused": "the hub refused to take it again",
    "not_found": "the hub does not have it",
    "not_heard": "the hub did not answer the question",
    "unclear": "no answer of the hub tells",
    "again": "a person wants it sent",
    "row_missing": "it is missing",
    "row_not_a_date": "it is no date or time in the form of the hub",
    "row_unreadable": "it cannot be read",
    "row_unknown_field": "there is no such field here",
    # a device
    "not configured": "it is not configured",
    # the printer
    "no_device": "it is not connected",
    "offline": "it is offline",
    "paper_out": "it is out of paper",
    "cover_open": "its cover is open",
    "cutter_fault": "its cutter is stuck",
    "write_timeout": "it takes no more data",
    "device_lost": "its line broke",
    "no_status": "it does not report its status",
    # a line of a sale
    "line": "line {number}: ",
    "quantity and price must be above zero": "quantity and price must be above zero",
    "barcode, or national_code, own_code, name and price": "barcode, or national_code, own_code, name and price",
    "not a plain decimal number": "not a plain decimal number",
    "more than 2 decimals": "more than 2 decimals",
    "more than 4 decimals": "more than 4 decimals",
    "more than 6 decimals": "more than 6 decimals",
    "out of range": "out of range",
    # the disk
    "FullError": "the disk is full",
    "IOError": "the disk reports an error",
    "CorruptError": "the file is damaged",
    "NotADBError": "the file is not a journal",
    "ReadOnlyError": "the disk is read-only",
    "CantOpenError": "the file cannot be opened",
    "BusyError": "another program holds the file",
    "NoMemError": "memory ran out",
    "the audit log was changed": "the audit log was changed outside the terminal",
    "row changed outside the terminal": "a record was changed outside the terminal",
    "a stored blob does not open in its place": "a sealed record does not open",
}  # fmt: skip
"""What the machine words in a parameter `reason` mean to people; other reasons are shown as they are."""

STATES: Mapping[str, str] = {
    "DRAFT": "open",
    "PRICED": "quoted",
    "ARMED": "agreed, not sent",
    "SENDING": "being settled",
    "CONFIRMED": "settled",
    "DELIVERED": "settled and acknowledged",
    "CLOSED": "settled and closed",
    "REFUSED": "refused by the hub",
    "ABANDONED": "given up",
    "DOUBT": "outcome unknown",
    "REVERSING": "being reversed",
    "REVERSED_ONCE": "reversal in its quiet time",
    "REVERSED": "reversed",
    "CANCELLING": "being cancelled",
    "CANCEL_DOUBT": "cancellation unknown",
    "CANCELLED": "cancelled",
    "WAITING": "waiting to be sent",
    "SENT": "on its way",
    "UNKNOWN": "not answered yet",
    "HELD": "waiting for a person",
    "ACCEPTED": "taken by the hub",
    "PARTLY": "taken in part",
    "GIVEN_UP": "left by a person",
    "MANUAL": "a person is called",
    "unlocking": "the key is being unlocked",
    "recovering": "open doubts are being taken up",
    "ready": "ready",
    "stopped": "stopped",
    "stopping": "stopping",
    "failed": "failed",
}  # fmt: skip
"""What the states in a parameter `state` mean to people."""

_NUMBERED = re.compile(r"(http|infcode) (-?[0-9]+)")
_OF_A_LINE = re.compile(r"line ([0-9]+): (.+)", re.DOTALL)


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
    chinese, values = _chinese(), dict(params or {})
    words = {name: _in_words(name, value, chinese) for name, value in values.items()}
    advice = TEXTS.get(advice_for(values.get("text", "")), "")
    return Told(
        code,
        chinese.gettext(english).format(**{name: zh for name, (zh, _) in words.items()})
        + (chinese.gettext(advice) if advice else ""),
        english.format(**{name: en for name, (_, en) in words.items()}) + (f" {advice}" if advice else ""),
    )


def reason_in_words(reason: str) -> tuple[str, str]:
    """Return what a machine word of a fault says to people, Chinese and English; an unknown one is shown as it is."""
    return _in_words("reason", reason, _chinese())


def state_in_words(state: str) -> tuple[str, str]:
    """Return what the state of a sale or submission says to people, Chinese and English."""
    return _in_words("state", state, _chinese())


def _in_words(name: str, value: str, chinese: gettext.NullTranslations) -> tuple[str, str]:
    """Return what a parameter says to people, Chinese and English; only machine words are translated."""
    number = ""
    if name == "reason" and (of_a_line := _OF_A_LINE.fullmatch(value)) is not None:
        what = chinese.gettext(REASONS["line"]).format(number=of_a_line[1])
        return what + _in_words(name, of_a_line[2], chinese)[0], value
    if name == "state":
        text = STATES.get(value)
    elif name == "reason" and (numbered := _NUMBERED.fullmatch(value)) is not None:
        text, number = REASONS[numbered[1]], numbered[2]
    else:
        text = REASONS.get(value) if name == "reason" else None
    if text is None:
        return value, value
    return chinese.gettext(text).format(number=number), text.format(number=number)


def tell_notice(notice: Notice | None) -> Told | None:
    """Return the text of a settlement's notice."""
    return None if notice is None else tell(notice.code, notice.params)
