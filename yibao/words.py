"""What the commands say to people, in Chinese and English; the Chinese stands in the message catalogue.

The counter's own messages are told by the service and come ready in both languages; here are only the words of the
door. No word carries a name, an identity number, a token or a password.
"""

import gettext
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

DOMAIN: Final = "yibao"


class Words(NamedTuple):
    """One message in both languages."""

    code: str
    zh: str
    en: str

    def both(self) -> str:
        """Chinese first, English second, on two lines (one where there is no translation)."""
        return self.en if self.zh == self.en else f"{self.zh}\n{self.en}"

    def one_line(self) -> str:
        """Chinese first, English second, on one line."""
        return self.en if self.zh == self.en else f"{self.zh}  {self.en}"


TEXTS: Final[Mapping[str, str]] = {
    # the service
    "service_not_running": "No service answers at {path}. Nothing was sent. Start it with: yibao run",
    "socket_forbidden": "The service's socket {path} belongs to another user. Nothing was sent. Run this command as the user of the service.",
    "service_not_ready": "The service is not ready yet ({phase}). Nothing was sent. Look at: yibao status",
    "service_error": "The service had an internal error (status {status}). Look at the sale's state before doing anything else: yibao status",
    "device_not_ready": "The {device} is not ready ({reason}). Check cable, power and paper, then try again.",
    "no_answer": "The service gave no answer, it may have taken the request. Do not repeat it; ask for the state: yibao status {what}",
    "no_such_sale": "There is no sale {name}. Give its id, its receipt number, or a sale number of today.",
    "no_sale_named": "No sale was named, and nothing was done. Give its id, its receipt number, or a sale number of today.",
    "service_ready": "The service answers at {path}",
    "service_ended": "The service has ended.",
    # every command
    "no_counter_file": "There is no counter.toml here and no sim/counter.toml. Name one with --counter, or make a simulated counter with: yibao sim up",
    "config_wrong": "The configuration cannot be used: {reason}. Correct it and start again.",
    "journal_failed": "The journal can no longer be written ({reason}). The service has stopped; free the disk or call the service, then start it again: it believes only what is on disk.",
    "service_broken": "An error inside the terminal ({error}) has stopped the service. No sale is lost: what was sent is followed up from the journal at the next start. Start it again; if this happens again, call the service with {where}.",
    "file_wrong": "This file cannot be used: {reason}",
    "wrong_use": "{reason}. Help: {command} --help",
    "usage_missing_option": "Missing option {what}",
    "usage_missing_argument": "Missing argument {what}",
    "usage_no_option": "No such option: {what}",
    "usage_no_command": "No such command {what}",
    "usage_meant": "; did you mean {what}",
    "usage_extra": "Got unexpected extra argument(s): {what}",
    "usage_needs_value": "Option {what} requires an argument",
    "usage_takes_none": "Option {what} does not take a value",
    "usage_value": "Invalid value for {what}: {why}",
    "usage_no_number": "it is no number",
    "usage_no_integer": "it is no whole number",
    "usage_too_small": "not below {what}",
    "usage_too_large": "not above {what}",
    "output_lost": "The output could not be written ({reason}). What was asked for may have been done all the same; ask before you repeat it: yibao status",
    "unexpected": "Unexpected error ({error}); details in {where}",
    "interrupted": "Interrupted.",
    # sale
    "wrong_item": "The article {text} makes no sense; write BARCODE or BARCODE*QUANTITY, for example 6901234567892*2.",
    "wrong_line": "--line {text} makes no sense; write NATIONAL_CODE,OWN_CODE,NAME,PRICE,QUANTITY.",
    "sale_opened": "Sale {number} is open (id {id}).",
    "sale_waiting": "Scan goods and the customer's code, or type them here; q gives the sale up.",
    "sale_waiting_code": "Scan the customer's code, or type it here; q gives the sale up.",
    "sale_waiting_quote": "Press Enter to ask the hub again; q gives the sale up.",
    "sale_ask": "Settle? [y/N]",
    "sale_ask_again": "Settle again? [y/N]",
    "sale_given_up": "Sale {number} is given up. Nothing was sent that books; nobody owes anything.",
    "sale_interrupted": "Interrupted: sale {number} is given up, nothing was booked.",
    "sale_interrupted_late": "Interrupted. The service goes on with sale {number} by itself; take no money before you have asked: yibao status {number}",
    "no_free_number": "No free sale number was found. Name one with --number.",
    "service_went_away": "The service has ended. What it had taken stands in its journal; start it again and ask: yibao status",
    "sale_no_input": "No more input, and no scanner: sale {number} cannot go on.",
    "sale_only_beside": "Sale {number} has goods beside the insurance only ({amount} yuan): nothing of it goes to the hub. Sell them at the shop's own till.",
    "sale_still_open": "The outcome of sale {number} is still open; the service goes on by itself. Ask with: yibao status {number}",
    # review
    "review_ask": "Type why to carry on; or b to go back and change the goods; q gives up.",
    "review_ask_change": "Nobody may carry on with this. Type b to go back and change the goods; q gives up.",
    "review_ask_without": "The hub did not review. Press Enter to ask again, or type why to go on without it; q gives up.",
    "review_one_answer": "Only one of --reason and --change can be given",
    # clearing
    "clearing_not_over": "{month} is not over: its sums still grow. Do not apply yet.",
    "clearing_without_amounts": "{count} settlements of the month were confirmed by two people out of an old copy of the journal: they stand at the hub, and these sums lack them. Apply for this month on the agency's portal, with the hub's own figures.",
    "clearing_open": "{count} settlements of the month have an open outcome. Do not apply before they are known: yibao doubts",
    "clearing_portal": "These are the figures of {month} for the institution's portal; this hub takes no application (3203).",
    "clearing_3203": "These are the figures of {month} for an application (3203).",
    "signed_out": "Signed out. The next message to the hub signs in again.",
    "not_signed_in": "Nobody is signed in at the hub; nothing was sent.",
    # visit
    "one_medium": "Only one of --card, --id-number and --code can be given",
    "wrong_diagnosis": "--diagnosis {text} makes no sense; write CODE:NAME, for example E11.900:2型糖尿病.",
    "visit_at_pharmacy": "This counter belongs to a pharmacy ({institution}); visits are for clinics. Name the clinic's file with --counter.",
    "visit_opened": "Visit {number} is open (id {id}).",
    "visit_waiting_medium": "Insert the card and press Enter; or scan or type the certificate code; or type i for an identity number; q gives the visit up.",
    "visit_ask_number": "Identity number (not shown):",
    "visit_waiting_disease": "Type the number or code of the filed disease; q gives the visit up.",
    "visit_waiting_diagnosis": "Type the diagnosis as CODE:NAME, for example E11.900:2型糖尿病; q gives the visit up.",
    "visit_waiting_lines": "Scan or type what was prescribed, BARCODE or BARCODE*QUANTITY; Enter alone when it is complete; q gives the visit up.",
    "visit_given_up": "Visit {number} is given up. Nothing stands at the hub; nobody owes anything.",
    "visit_withdrawn": "Visit {number} is given up. Nothing was settled; what the hub had registered is being withdrawn.",
    "visit_interrupted": "Interrupted: visit {number} is given up, nothing was settled.",
    "visit_interrupted_late": "Interrupted. The service goes on with visit {number} by itself; take no money before you have asked: yibao status {number}",
    "visit_no_input": "No more input: visit {number} cannot go on.",
    "visit_still_open": "The outcome of visit {number} is still open; the service goes on by itself. Ask with: yibao status {number}",
    # submissions
    "no_submissions": "There are no submissions.",
    "no_open_submissions": "No submission is open: the hub has answered each of them, or a person has.",
    "submitted_before": "The same content was submitted before, on {at}: nothing was sent now, and this is how it stands. To submit it once more, give a word of your own with --key.",
    "wrong_choice": "{text} is none of: {choices}",
    # reconciliation
    "wrong_date": "{text} is no day; write for example 2026-11-22",
    "wrong_operators": "This takes two operators: --by NUMBER --by NUMBER",
    "reconcile_provisional": "The day is not over, or has only just ended: what is missing may still come. Reconcile it again later.",
    # other verbs
    "cancel_ask": "Cancel sale {number} of {amount} yuan? The customer's {cash} yuan in cash go back by hand. [y/N]",
    "cancelled_before": "Sale {number} was cancelled before; nothing was done now. Its cash part of {cash} yuan goes back to the customer once: return it only if that has not been done.",
    "cancel_not_done": "Nothing was cancelled.",
    "cancel_interrupted": "Interrupted. The service goes on by itself; return no cash before you have asked: yibao status {number}",
    "refund_one_of": "Say what comes back: --return LINE=QUANTITY, or --all. Or --withdraw, to sell nothing anew",
    "wrong_return": "--return {text} makes no sense; write LINE, LINE=QUANTITY or LINE=QUANTITY,TRACECODE, for example 2=1.",
    "refund_ask": "Take goods of sale {number} back? The whole sale of {amount} yuan is cancelled; what is kept is sold anew. [y/N]",
    "refund_rest_meant": "Goods of sale {number} came back already: {returned}. The number now means what was kept, {rest}. Nothing was done. To take back more of it, name it: yibao refund {id} --return LINE=QUANTITY",
    "refund_rest_waits": "The whole sale {number} is cancelled: return its cash part. What is kept is not settled yet; go on with a fresh code: yibao refund {id} --code CODE",
    "refund_visit_waits": "The whole visit {number} is cancelled: return its cash part. What is kept is not settled yet; go on with a fresh code: yibao refund {id} --code CODE --diagnosis CODE:NAME",
    "self_pay_not_undone": "Goods sold beside the insurance ({amount} yuan) are not undone at the hub, and nothing of them comes back from it: whether they are taken back and repaid is the shop's own matter.",
    "refund_not_done": "Nothing was taken back or cancelled.",
    "refund_withdrawn": "Sale {number}: nothing is sold anew. The cancellation stands; return its cash part once it is CANCELLED.",
    "no_doubts": "No outcome is open.",
    "no_sales": "There are no sales yet.",
    "copy_owed": "Copy {copy} is printed as soon as the printer is ready.",
    "slip_waits": "The slip is printed as soon as the printer is ready ({reason}).",
    "slip_noted": "Noted: the slip came out.",
    "events_ended": "The service has ended.",
    # journal and keys
    "journal_good": "The journal is whole: {settlements} sales, {attempts} messages, {records} audit records. Newest: {head}",
    "journal_good_no_key": "Nothing is wrong with what can be checked without the key: {settlements} sales, {attempts} messages, {records} audit records. Newest: {head}",
    "journal_bad": "The journal has {count} faults. Do not repair it by hand; keep the file and call the service.",
    "backup_made": "Copied to {path} and checked: {settlements} sales, {attempts} messages, {records} audit records. Newest: {head}",
    "backup_bad": "The copy {path} has {count} faults, as the journal itself then has. Keep both files; call the service.",
    "backup_exists": "{path} is there already. Nothing was written; name a new file.",
    "expired_nothing": "Nothing is past its term.",
    "expired_identity": "Deleted: names and identity numbers of {day} ({count} sales).",
    "expired_evidence": "Deleted: messages and charge sheets of {day} ({count} sales).",
    "held_identity": "Kept although past their term: names and identity numbers of {day}; these sales are not over: {sales}",
    "held_evidence": "Kept although past their term: messages and charge sheets of {day}; these sales are not over: {sales}",
    "expired_later": "Some traces are still on the disk: a reader of the journal, or the copy that is kept for three days after a change of version, is in the way. A later run removes them.",
    "backup_failed": "The copy {path} could not be written ({reason}). The journal itself is untouched.",
    "no_journal": "There is no journal at {path}; the service makes it at its first start.",
    "wrong_anchor": "--anchor {text} makes no sense; write RECORDS:HASH as `yibao journal anchor` or an earlier check printed it (at least 16 digits of the hash).",
    "no_password_configured": "No password file is configured. Name one in [keys] password_file or with --password-file; its mode must be 600.",
    "audit_key_created": "Audit key {key} was made in {folder}. Note this number outside this machine: it proves later whose anchors they are.",
    "audit_key_is": "Audit key: {key}",
    "anchor_no_key": "This counter has no audit key, so nobody can tell whether its journal was put back. Make one with: yibao keys audit",
    "anchor_newest": "Newest anchor: {anchor} of {at}. Note it on paper at the end of the day. Held against since the start: {heard}.",
    "anchor_contradicted": "This journal is not the one that was here. No new sale is started. Reconcile these days first: {days}. Then two people accept it: yibao journal accept --by A --by B",
    "anchor_accepted": "Accepted; sales are taken again. Newest anchor: {anchor}",
    "journal_exported": "Written: {path} ({records} audit records, {anchors} anchors; nobody is named in it). Anyone with Python verifies it like this, without this program:",
    "file_exists": "{path} exists already and stays as it is. Name another file.",
    "other_verifier": "{path} is there already and is not the program that belongs to this export. Nothing was written; name a file in another folder.",
    "journal_full": "The disk is full: the journal can no longer be written. No new sale is taken. What was told as settled stands at the hub and in the journal; what is open is finished after the restart, from space kept aside. Free the journal's disk; the service manager starts the service again.",
    "journal_read_only": "The journal's disk has become read-only. No new sale is taken. What was told as settled stands at the hub and in the journal; what is open is finished after the repair. Call the service: such a disk is usually failing; mount it read-write, then start again.",
    "journal_newer": "The journal was written by a newer program (its schema is {found}, this program knows {known}). It was not touched and nothing in it is lost; what is open in it waits for the newer program. Install the newer version again and start it.",
    "journal_no_room": "There is no room to bring the journal to this version: {megabytes} MB more are needed. The old journal is unchanged and nothing in it is lost; what is open waits. Free the disk and start again; until then the version before can go on with it.",
    "journal_not_migrated": "The journal could not be brought to this version ({why}). The old journal is unchanged and nothing in it is lost: what was told as settled stands in it and at the hub, what is open waits. Keep the file and call the service; the version before can go on with it if the file itself is sound.",
    "not_migrated_damaged": "its checks found damage",
    "not_migrated_changed": "its tables are not as this program's versions make them",
    "not_migrated_schema": "it is older than the oldest version known",
    "journal_busy": "Another program has the journal open (`yibao journal verify`, `backup` or `export`), and it has to be brought to this version first. Nothing is wrong with it and nothing was changed; what is open waits. End that program, then start again.",
    "journal_damaged": "The journal is damaged ({reason}). No new sale is taken. The hub's ledger says who holds the money; nothing was changed there. Keep the file as it is, call the service (`yibao journal verify` says what is wrong); after a backup was put back, reconcile the missing days.",
    "keys_created": "Key {key} was made in {folder}. Have its public half registered at the hub: {public}",
    "keys_rotated": "Key {key} takes the place of the former one at the next start of the service; the former one is kept for seven days for reversals. Have its public half registered at the hub first, then restart the service: {public}",
    "keys_former": "Former keys: {keys}",
    "evidence_written": "Written: {path} (messages: {messages}, audit records: {records}). It holds names and identity numbers in clear; only you can read it, keep it so. Anyone with OpenSSL 3 verifies it like this:",
    "evidence_unproved": "Message {msgid}: {what} does not verify with the keys that this counter knows. The file says so and has no command for it.",
    # the technician
    "doctor_well": "No part has a fault. Warnings: {warnings}.",
    "doctor_ill": "Parts with a fault: {faults}. Warnings: {warnings}. Begin at the top: what stands below may need what stands above.",
    "card_is_masked": "Names and numbers are masked; --full shows them, and the journal notes it.",
    "apdu_is_masked": "Data bytes are masked; --full shows them, and the journal notes it.",
    "hub_knows_none": "The hub knows none.",
    "hub_file_written": "Written: {path} ({rows} rows, newest version {version}). Nobody has signed the file; look at it, do not settle by it.",
    "hub_fetching": "{rows} of {all} rows are here.",
    "hub_fetch_goes_on": "{rows} rows are here from before; going on behind them.",
    "hub_fetch_kept": "Cut off. The {rows} rows that are here are kept; the same command goes on behind them.",
    "hub_fetch_changed": "The catalogue has changed while it was fetched, so its pages no longer fit together. Nothing was kept. Start again.",
    "hub_fetch_uncounted": "This hub does not say how many rows the catalogue has, so nobody could tell when all are here. Nothing was kept. Look with: yibao hub catalogue.",
    "hub_fetched": "Written: {path} ({rows} rows). For looking things up; the hub decides at each sale.",
    "hub_file_unreadable": "What came instead of the catalogue cannot be read. Nothing was written. Try again.",
    "hub_page": "Page {page} of {pages}; {records} rows in all. More with --page.",
    # the simulated counter
    "sim_ready": "The simulated counter in {path} is up. Stop it with Ctrl-C. Try next, in another window:",
    "sim_phone": "The customers' phones, in a browser: {url}",
    "sim_ended": "The simulated counter has ended.",
    "sim_armed": "Armed: {fault}",
    "sim_cleared": "All faults are disarmed.",
    "sim_script_in_force": "Fault script in force: seed {seed}, steps {step}, rates {rate}.",
    "sim_wrong_drug": "{text} is no drug to prescribe; write CODE or CODE*PACKS, in whole packs, for example XTEST000000000000000D03*2. Nothing was issued.",
    "sim_credited": "Credited {amount} yuan; the account holds {balance}.",
    "sim_feed_taken": "Taken: {changes} changes, {births} births. The hub answers with them until it is started again.",
    "sim_quotes_written": "{count} quotes written to {file}. Rehearse with: yibao rehearse {file} --policy FILE",
    "sim_done": "Done.",
    # rehearsing
    "rehearse_what": "Say what to rehearse: --policy FILE, --set NAME or --profile NAME",
    "rehearse_no_set": "There is no policy set {name}; there are {known}.",
    "rehearse_no_profile": "There is no profile {name}; name a file of your own with its ending .toml.",
    "rehearse_nothing": "No amount changes: {quotes} quotes calculated.",
    "rehearse_changed": "{changed} of {quotes} quotes change.",
    "wrong_address": "{text} is no address; write PORT or HOST:PORT.",
    "chaos_ready": "The chaos proxy listens at {listen} and passes on to {target}. Stop it with Ctrl-C.",
    "chaos_ended": "The chaos proxy has ended: {exchanges} exchanges, {faults} faults.",
    "benefit_no_case": "The file {file} has no case {case}.",
    "sim_left_out": "Real part left out: {part}",
    "left_out_pty": "pseudo-terminals: scanner and printer were on local TCP instead",
    "left_out_reader": "pcscd with its virtual card reader: {reason}",
    "left_out_broker": "mosquitto, the message broker of the fleet: {reason}",
    "sim_no_clinic": "This simulated world has no second counter: its first one is the clinic.",
    "sim_folder_unusable": "The folder {path} cannot be used ({reason}). Nothing was started.",
    "sim_already_up": "The simulated counter in {path} is up already. Use that one, or stop it first.",
    "sim_not_up": "The simulated counter in {path} is not up. Start it with: yibao sim up",
    "sim_no_institution": "The simulated world has no counter at {institution}; there are: {known}",
    "sim_no_profile": "There is no profile {profile}. Shipped are: {known}",
    "sim_profile_unusable": "The profile {path} cannot be used: {reason}",
    "sim_other_profile": "The folder {path} belongs to a world of the profile {profile}. Name another folder.",
    "sim_nobody_of_kind": "Nobody is all of this: {words}. The kinds there are: {known}",
    "sim_other_institution": "The simulated counter in {path} belongs to {institution}. For another institution name another folder.",
    "sim_gone": "Nothing answers at {url}. Is the simulated counter still up?",
    "sim_says_no": "The simulated counter says: {reason}",
}  # fmt: skip


# Read at import, because later an event loop may be running. Without a compiled catalogue (a tree that was never set up)
# the English text stands in both places.
_CHINESE: Final = gettext.translation(
    DOMAIN, str(Path(__file__).parent / "locale"), languages=["zh_CN"], fallback=True
)


def translate(english: str) -> str:
    """The Chinese text of an English one."""
    return _CHINESE.gettext(english)


def say(code: str, **values: str) -> Words:
    """The words of a message code with its values put in."""
    english = TEXTS[code]
    return Words(code, translate(english).format(**values), english.format(**values))
