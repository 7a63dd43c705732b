"""What the doctor says: for every reason its state, its text and the next step; the Chinese stands in the catalogue."""

import gettext
from collections.abc import Mapping
from pathlib import Path
from typing import Final, NamedTuple

DOMAIN: Final = "doctor"


class Kind(NamedTuple):
    """One reason why a part is as it is."""

    state: str
    reason: str
    step: str = ""


KINDS: Final[Mapping[str, Kind]] = {
    # the service
    "service_ready": Kind("ok", "The service is running and takes sales."),
    "service_starting": Kind("warning", "The service is still starting ({phase}).", "Wait a moment, then look again: yibao doctor"),
    "service_stopping": Kind("warning", "The service is stopping.", "Wait a moment, then look again: yibao doctor"),
    "service_holds": Kind("fault", "The service runs and takes no new sale: {reason}", "Do what the reason says; the service need not be started again."),
    "service_failed": Kind("fault", "The service cannot go on: {reason}", "Do what the reason says, then start it again: yibao run"),
    "service_silent": Kind("fault", "Process {pid} holds this counter, but its service does not answer.", "Look into its log. If it stays silent, end process {pid} and start it again (yibao run): it believes only what is on disk."),
    "service_forbidden": Kind("unknown", "The service's socket belongs to another user.", "Run the doctor as the user of the service."),
    "service_not_running": Kind("absent", "No service is running; the doctor has looked for itself.", "Start it when everything else is well: yibao run"),
    "not_looked_at": Kind("unknown", "Not looked at: first the configuration must be readable.", "Correct the configuration, then look again: yibao doctor"),
    "owned_by_service": Kind("unknown", "Not looked at: it belongs to the service, which does not answer here.", "Get the service to answer first."),
    "look_broke_down": Kind("unknown", "The doctor itself stumbled over this ({error}).", "Report it with the version of yibao; look at the part by hand."),
    # configuration and program
    "config_good": Kind("ok", "The configuration is sound: {institution}, till {till}, profile {profile}."),
    "config_wrong": Kind("fault", "The configuration cannot be used: {reason}", "Correct {path}, then look again: yibao doctor"),
    "program_good": Kind("ok", "yibao {version} with Python {python}, SQLite {sqlite}, OpenSSL {openssl}."),
    "sqlite_too_old": Kind("fault", "The database engine {sqlite} is older than {needed} and may lose records.", "Run the set-up again: make setup"),
    "no_sm2": Kind("fault", "The system's OpenSSL ({openssl}) does not offer SM2; nothing can be signed.", "Install OpenSSL 3 from the distribution, without a build that leaves SM2 out."),
    # keys
    "keys_good": Kind("ok", "The keys are there, closed to others, and the configured password opens them (key {key})."),
    "keys_unlocked": Kind("ok", "The running service has unlocked the keys."),
    "keys_unusable": Kind("fault", "{reason}", "After that look again: yibao doctor"),
    "keys_no_password": Kind("fault", "No key password is configured.", "Name a file of mode 600 in [keys] password_file, or give the service a systemd credential."),
    "keys_password_elsewhere": Kind("unknown", "The keys are there and closed to others; their password is a systemd credential that only the service sees.", "Start the service and look again: it says whether they open."),
    # journal
    "journal_none": Kind("absent", "There is no journal yet; the service makes it at its first start."),
    "journal_good": Kind("ok", "The journal opens and is whole: {settlements} sales, {records} audit records."),
    "journal_bad": Kind("fault", "The journal has {count} faults, the first: {first}", "Do not repair it by hand. Keep the file, note what `yibao journal verify` says, and call the service."),
    "journal_failed": Kind("fault", "The service can no longer write the journal: {reason}", "Free the disk or call the service, then start it again: it believes only what is on disk."),
    "journal_forbidden": Kind("unknown", "The journal cannot be read by this user.", "Run the doctor as the user of the service."),
    "doubts_none": Kind("ok", "No outcome is open."),
    "doubts_open": Kind("warning", "Open outcomes: {count}, the oldest for {age}. The terminal is working them off.", "Take no money for these sales before they are over: yibao doubts"),
    "doubts_idle": Kind("warning", "Open outcomes: {count}, the oldest for {age}, and no service is working them off.", "Start the service: yibao run"),
    "doubts_old": Kind("fault", "Open outcomes: {count}, {old} of them for more than a day (the oldest for {age}).", "Somebody must look into these: yibao doubts"),
    "doubts_unknown": Kind("unknown", "Open outcomes could not be counted.", "See what is said of the journal and of the service."),
    # the machine
    "disk_good": Kind("ok", "{free} are free where the journal lies ({folder})."),
    "disk_low": Kind("warning", "Only {free} are free where the journal lies ({folder}).", "Free some space; below {needed} the journal may fail, and then nothing is sold."),
    "disk_full": Kind("fault", "Only {free} are free where the journal lies ({folder}).", "Free space now: without it the journal fails, and then nothing is sold."),
    "disk_no_reserve": Kind("warning", "The space kept aside for finishing doubts on a full disk is not there ({folder}, {free} free).", "The running service makes it again by itself when there is room; until then no new sale is taken."),
    "disk_read_only": Kind("fault", "{folder} is on a file system that is mounted read-only.", "Mount it read-write; when it became read-only by itself, the disk is failing: replace it."),
    "disk_forbidden": Kind("fault", "This user may not write into {folder}.", "Correct the folder's owner, or run the doctor as the user of the service."),
    "disk_gone": Kind("fault", "The folder {folder} cannot be looked at ({reason}).", "Check [state] dir and the disk."),
    "clock_good": Kind("ok", "The clock differs from the hub's by {offset}; the machine's zone is {zone}, the hub's times are written in UTC+8 whatever it is."),
    "clock_off": Kind("warning", "The clock differs from the hub's by {offset}.", "Switch on time synchronisation on this machine (NTP)."),
    "clock_wrong": Kind("fault", "The clock differs from the hub's by {offset}: signed messages will be refused as too old or too new.", "Set the clock and switch on time synchronisation (NTP)."),
    "clock_behind": Kind("fault", "The clock was set back: the newest record of the journal lies {ahead} in the future.", "Set the clock and switch on time synchronisation (NTP)."),
    "clock_alone": Kind("unknown", "Nothing to compare the clock with: no hub has told its time. The machine's zone is {zone}.", "Look again when the hub is reached."),
    "fonts_good": Kind("ok", "The Chinese font is there."),
    "fonts_none": Kind("absent", "There is no Chinese font. Slips do not need it; pictures of the simulated printer do.", "Install it: apt-get install {package}"),
    # cards
    "pcscd_good": Kind("ok", "The card service answers; readers: {readers}."),
    "pcscd_unneeded": Kind("absent", "No card reader is configured; the card service is not needed."),
    "pcscd_none": Kind("fault", "The card service does not run.", "Start it: systemctl start pcscd.socket. The terminal finds it by itself."),
    "pcscd_hangs": Kind("fault", "The card service does not answer.", "Restart it: systemctl restart pcscd. The terminal finds it again by itself."),
    "pcscd_no_binding": Kind("fault", "The PC/SC library (pyscard) is not installed.", "Install the PC/SC headers (libpcsclite-dev), then run the set-up again: make setup"),
    "pcscd_fault": Kind("fault", "The card service reports a fault ({reason}).", "Restart it: systemctl restart pcscd"),
    "reader_not_configured": Kind("absent", "No card reader is configured. Readers of this machine: {readers}.", "To read cards, put a part of the reader's name under [reader] name."),
    "reader_good": Kind("ok", "The card reader is there: {reader}."),
    "reader_gone": Kind("fault", "No reader is called {name}. Readers of this machine: {readers}.", "Check its cable, or correct [reader] name."),
    "reader_opening": Kind("unknown", "The card reader is being looked for.", "Look again in a moment."),
    "reader_unseen": Kind("unknown", "Without the card service no reader can be seen.", "See what is said of the card service."),
    "card_there": Kind("ok", "A card is in the reader and answers. Read it with: yibao card read"),
    "card_none": Kind("absent", "No card is in the reader."),
    "card_mute": Kind("warning", "A card is in the reader and does not answer.", "Insert it the right way round, chip first; clean the chip."),
    "card_unseen": Kind("unknown", "Without a reader no card can be seen."),
    "card_unneeded": Kind("absent", "No card reader is configured."),
    # lines
    "scanner_not_configured": Kind("absent", "No scanner is configured; codes are typed."),
    "scanner_good": Kind("ok", "The scanner's line is open."),
    "scanner_opening": Kind("unknown", "The scanner's line is being opened.", "Look again in a moment."),
    "scanner_gone": Kind("fault", "The scanner is not there: {reason}", "Check its cable and [scanner] url."),
    "scanner_fault": Kind("fault", "The scanner cannot be used: {reason}", "Do what the reason says; the terminal tries again by itself."),
    "printer_not_configured": Kind("absent", "No printer is configured; slips wait."),
    "printer_good": Kind("ok", "The printer is ready."),
    "printer_mute": Kind("warning", "The printer does not report its status: whether a slip came out cannot be known.", "Switch it on; when it is on, look at its paper after each sale."),
    "printer_waits": Kind("warning", "The printer cannot print: {reason}. Slips wait: {waiting}.", "Put in paper, close the cover; it goes on by itself."),
    "printer_fault": Kind("fault", "The printer cannot print: {reason}. Slips wait: {waiting}.", "Check its cable, its power and [printer] url; money does not wait for it."),
    "printer_unasked": Kind("unknown", "The printer was not asked: the service is not ready.", "Look again when the service is ready."),
    # far ends
    "hub_good": Kind("ok", "The hub is reached (connected in {connect}); its newest signed answer came in {answer}, verified in {verify}; signed in."),
    "hub_unsigned": Kind("ok", "A server answers at the hub's address (connected in {connect}, HTTP {status} in {answer}). Whether it is the hub, only the running service can prove."),
    "hub_unreached": Kind("fault", "The hub is not reached: {reason}.", "Check the network and [hub] url. Nothing can be settled meanwhile."),
    "hub_not_signed_in": Kind("fault", "The hub is reached, but the sign-in fails: {reason}", "Check [terminal] operator and the clock, and whether this key is registered at the hub."),
    "hub_unasked": Kind("unknown", "A server answers at the hub's address (connected in {connect}); the service is not ready to ask it.", "Look again when the service is ready."),
    "centre_good": Kind("ok", "A server answers at the certificate centre's address (connected in {connect}, HTTP {status} in {answer})."),
    "centre_unreached": Kind("fault", "The certificate centre is not reached: {reason}.", "Check the network and [centre] url. Codes cannot be decoded meanwhile; cards can be used."),
    "broker_not_configured": Kind("absent", "No message broker is configured; selling does not need one."),
    "broker_good": Kind("ok", "The message broker is connected."),
    "broker_reached": Kind("ok", "A server answers at the message broker's address (connected in {connect})."),
    "broker_opening": Kind("unknown", "The connection to the message broker is being made.", "Look again in a moment."),
    "broker_away": Kind("warning", "The message broker is not reached ({reason}). Selling is not affected; the terminal keeps trying.", "Check the network and [broker] url."),
    "broker_fault": Kind("fault", "{reason}", "Correct it; the terminal tries again by itself. Selling is not affected."),
    "certificates_none": Kind("absent", "No certificate with an end of validity is configured."),
    "certificates_good": Kind("ok", "Every certificate is valid; the first ends in {days} days ({name})."),
    "certificates_soon": Kind("warning", "The certificate {name} ends in {days} days.", "Have it renewed before that."),
    "certificates_over": Kind("fault", "The certificate {name} ended {days} days ago.", "Have it renewed."),
}  # fmt: skip
"""Every reason the doctor knows."""

# Read at import, because later an event loop may be running. Without a compiled catalogue (a tree that was never set up)
# the English text stands in both places.
_CHINESE: Final = gettext.translation(
    DOMAIN, str(Path(__file__).parent.parent / "locale"), languages=["zh_CN"], fallback=True
)


def translate(english: str) -> str:
    """The Chinese text of an English one."""
    return _CHINESE.gettext(english)
