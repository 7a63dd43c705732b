"""What a card can say or hold that stops us. No text here ever contains bytes read from the card.

CardError
 ├─ NotSocialSecurityCard   another kind of card
 ├─ CardBlocked             the issuer or too many wrong keys closed it
 ├─ CardRefused             any other status word that is not 9000
 ├─ GarbledAnswer           bytes that are no answer at all
 └─ BadCardContent          the card answered, its content cannot be used
     ├─ TagMissing          a data item that every card must have is not there
     ├─ RecordTooLong       a data item is longer than the specification allows
     ├─ MalformedRecord     lengths that do not fit, or digits that are none
     ├─ UndecodableText     name or number bytes that are no text
     └─ UnknownGeneration   a version we have never heard of

Reader faults (card pulled, no card, no service) are not here: they belong to whoever drives the dialogue.
"""

from protocols.iso7816 import status


class CardError(Exception):
    """Base of everything a card says no with.

    `kind` is a machine word; `what_to_do` is one sentence for the operator (a message id for translation).
    """

    kind = "card"
    what_to_do = "Take the card out, insert it again; if it happens twice, use another medium."


class NotSocialSecurityCard(CardError):
    """The card does not know the social-security application: a bank card, a SIM, an access card."""

    kind = "not_social_security_card"
    what_to_do = "This is not a social-security card. Ask for the social-security card or use another medium."

    def __init__(self, sw: int | None = None) -> None:
        self.sw = sw
        reason = "another application answered" if sw is None else status.describe(sw)
        super().__init__(f"not a social-security card: {reason}")


class CardBlocked(CardError):
    """The card is blocked: it answers every command with 6A81, or says so with 6283 or 9303."""

    kind = "card_blocked"
    what_to_do = (
        "The card is blocked. The holder has to see the card-issuing office; use another medium today."
    )

    def __init__(self, sw: int) -> None:
        self.sw = sw
        super().__init__(f"the card is blocked: {status.describe(sw)}")


class CardRefused(CardError):
    """The card refused a command of the dialogue; `command` is CLA INS P1 P2 in hexadecimal."""

    kind = "card_refused"

    def __init__(self, command: str, sw: int) -> None:
        self.command = command
        self.sw = sw
        super().__init__(f"the card refused {command}: {status.describe(sw)}")


class GarbledAnswer(CardError):
    """The card sent bytes that are no response, or announces data without end."""

    kind = "garbled_answer"


class BadCardContent(CardError):
    """The card answered, but what it holds cannot be used.

    `file` is EF05 or EF06, `tag` the data item (0 = the whole file).
    """

    kind = "bad_card_content"
    what_to_do = (
        "The content of the card is damaged. Use another medium; the holder should have the card replaced."
    )

    def __init__(self, file: str, tag: int, reason: str) -> None:
        self.file = file
        self.tag = tag
        where = f"{file} tag {tag:02X}" if tag else file
        super().__init__(f"{where}: {reason}")


class TagMissing(BadCardContent):
    """A data item that every social-security card must have is not on this one."""

    kind = "tag_missing"

    def __init__(self, file: str, tag: int) -> None:
        super().__init__(file, tag, "the data item is missing")


class RecordTooLong(BadCardContent):
    """A data item is longer than the specification allows."""

    kind = "record_too_long"

    def __init__(self, file: str, tag: int, length: int, limit: int) -> None:
        super().__init__(file, tag, f"{length} bytes where at most {limit} are allowed")


class MalformedRecord(BadCardContent):
    """Lengths that do not fit each other, or a number field with nibbles that are no digits."""

    kind = "malformed_record"


class UndecodableText(BadCardContent):
    """Bytes that are no GBK (GB 18030) text, or text with control characters in it."""

    kind = "undecodable_text"


class UnknownGeneration(BadCardContent):
    """The version record starts with something other than 1, 2 or 3."""

    kind = "unknown_generation"
