"""The help texts: one sentence per command and option, Chinese and English where the output can carry both."""

import sys
from collections.abc import Mapping
from typing import Final

from yibao.cli.streams import speaks_chinese
from yibao.words import translate

HELP: Final[Mapping[str, str]] = {
    "yibao": "Counter terminal for medical-insurance settlement, with simulators of every far end.",
    "debug": "Show the whole traceback of an unexpected error.",
    "version": "Print the version.",
    # options that many commands have
    "counter": "The counter's configuration (default: ./counter.toml, then ./sim/counter.toml).",
    "json": "Print JSON for programs.",
    "yes": "Do not ask; do it.",
    "wait": "How long to follow an outcome that is still open.",
    "sale_name": "Id of the sale, its receipt number, or a sale number of today.",
    # the service and its clients
    "run": "Run the service of a counter until it is stopped.",
    "sale": "Sell: goods, the customer's code, who pays what, confirm.",
    "sale.item": "Barcode of the shop's list, with quantity: 6901234567892*2. May be repeated.",
    "sale.line": "A line without barcode: NATIONAL_CODE,OWN_CODE,NAME,PRICE,QUANTITY. May be repeated.",
    "sale.code": "The customer's certificate code; without it the scanner or the keyboard is waited for.",
    "sale.number": "Sale number (default: the next free one of the day).",
    "cancel": "Cancel a settled sale: the hub gives the money back.",
    "cancel.reason": "Why; kept in the journal.",
    "status": "State of the service, or of one sale.",
    "doubts": "Settlements whose outcome is still open.",
    "copy": "Print the slip of a sale once more, marked as a copy.",
    "abandon": "Give up a sale of which nothing was sent.",
    "events": "What happens at the counter, as it happens.",
    "devices": "Scanner and printer with their state.",
    # journal and keys
    "journal": "Look into the journal, and check it.",
    "journal.list": "The newest sales.",
    "journal.limit": "How many.",
    "journal.show": "A sale with every message sent for it and every slip.",
    "journal.verify": "Check the journal file, with or without a running service.",
    "journal.no_key": "Check only what can be checked without the key.",
    "journal.anchor": "SEQUENCE:HASH noted earlier; finds an end that was cut off.",
    "keys": "The signing key of this counter.",
    "keys.create": "Make the counter's keys, encrypted under the password in the configured file.",
    "keys.password_file": "File of mode 600 with the password, instead of the configured one.",
    "keys.show": "The key's number and its public half, for registering it at the hub.",
    "demo": "A simulated counter tells its stories and checks how each one ended.",
    "demo.json": "Write what happened into this file.",
    "demo.stay": "Leave the counter up afterwards, when this is a terminal.",
    # the simulated counter
    "sim": "A simulated counter: hub, certificate centre, phone, scanner, printer.",
    "sim.dir": "Folder of the simulated counter.",
    "sim.up": "Start every far end, write the counter's files, stay until Ctrl-C.",
    "sim.institution": "Which of the invented institutions the counter belongs to.",
    "sim.seed": "Seed of a new simulated counter (default: a random one).",
    "sim.people": "The invented people with their certificate and account.",
    "sim.phone": "The customers' phones.",
    "sim.phone.code": "Show a fresh certificate code on a person's phone.",
    "sim.person": "Name, slug or personal number.",
    "sim.scan": "Hold a code under the scanner.",
    "sim.scan.text": "What the code says.",
    "sim.scan.symbology": "Kind of code, such as ean13 or qr.",
    "sim.printer": "Hands and eyes at the simulated printer.",
    "sim.printer.status": "The printer's true condition.",
    "sim.printer.paper": "Print the newest piece of paper as text.",
    "sim.printer.png": "Write it as a picture into this file.",
    "sim.printer.number": "Which piece of paper, counted from 1 (default: the newest).",
    "sim.printer.after": "Only after that many more lines.",
    "sim.printer.paper-out": "The roll ends.",
    "sim.printer.load": "Put in a new roll.",
    "sim.printer.cover-open": "Open the cover.",
    "sim.printer.cover-close": "Close the cover.",
    "sim.printer.offline": "Put the printer offline by its own key.",
    "sim.printer.online": "Put it online again.",
    "sim.printer.mute": "Let it never answer a status question.",
    "sim.printer.unmute": "Let it answer again.",
    "sim.printer.power-off": "Switch it off; what it had not printed is lost.",
    "sim.printer.power-on": "Switch it on again.",
    "sim.hub": "The simulated hub.",
    "sim.hub.fault": "Let a fault hit the next matching request.",
    "sim.hub.fault.name": "lose-request, lose-answer, bad-signature, delay, cut, html, http-status ... (a wrong name lists all).",
    "sim.hub.fault.argument": "Number of the faults that take one: delay SECONDS, cut BYTES, http-status STATUS.",
    "sim.hub.fault.infno": "Only requests of this transaction, for example 2102.",
    "sim.hub.fault.count": "How many requests.",
    "sim.hub.faults": "Faults that wait, and those that have fired.",
    "sim.hub.clear": "Disarm all faults.",
    "sim.hub.ledger": "The hub's own books.",
    "sim.hub.msgid": "Only what this message id booked.",
    "sim.hub.psn": "Only this person (personal number).",
    "sim.benefit": "The simulated province's benefit rules.",
    "sim.benefit.check": "Check a file of worked cases to the fen.",
    "sim.benefit.file": "File of worked cases (JSON).",
    "sim.benefit.only": "Only these cases, separated by commas.",
    "sim.benefit.explain": "Tell one worked case step by step.",
    "sim.benefit.case": "Which case.",
}  # fmt: skip


def help_of(code: str) -> str:
    """The help text of a command or option."""
    english = HELP[code]
    chinese = translate(english)
    return f"{chinese} {english}" if chinese != english and speaks_chinese(sys.stdout) else english
