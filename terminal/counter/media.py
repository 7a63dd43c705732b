"""Who a sale is for: the certificate code, the number of the identity card, or the social-security card in the reader."""

from protocols.codes.classifier import classify, select
from protocols.codes.code_types import IdentityNumber
from protocols.hub.profile import Profile
from protocols.secret import Secret
from terminal.core.events import CodeGiven, MediumGiven, Misuse
from terminal.core.values import Medium, Settlement
from terminal.counter.prescription_desk import PrescriptionDesk
from terminal.counter.scanning import certificate_code
from terminal.counter.settlements import Settlements
from terminal.counter.workroom import Workroom
from terminal.devices.card_desk import CardDesk
from terminal.devices.card_medium import medium_of
from terminal.journal.vault import Vault


class Media:
    """Takes the media that people show; with lines on the sheet the quote follows."""

    def __init__(
        self,
        settlements: Settlements,
        prescriptions: PrescriptionDesk,
        workroom: Workroom,
        cards: CardDesk,
        vault: Vault,
        profile: Profile,
    ) -> None:
        self._settlements = settlements
        self._prescriptions = prescriptions
        self._workroom = workroom
        self._cards = cards
        self._vault = vault
        self._profile = profile

    async def give_code(self, settlement_id: str, text: str) -> Settlement:
        """Give the customer's certificate code (typed, or scanned by the till); decodes it at once. Raises `Misuse`."""
        return await self.decode(settlement_id, certificate_code(text.strip()), "till")

    async def decode(self, settlement_id: str, code: Secret, actor: str) -> Settlement:
        """Decode a certificate code for a sale. Raises `Misuse`: `code_used`, a code settles one sale."""
        mark = self._vault.code_mark(code.reveal())
        used_by = await self._workroom.read(lambda journal: journal.code_used_by(mark))
        if used_by is not None and used_by != settlement_id:
            raise Misuse("code_used")
        return await self._prescriptions.post(settlement_id, CodeGiven(code, mark), actor)

    async def give_identity_number(self, settlement_id: str, text: str) -> Settlement:
        """Give the number of the person's identity card, typed in (medium 02); the hub says who it is."""
        match = select(classify(text.strip().upper()), (IdentityNumber,))
        if not isinstance(match, IdentityNumber):
            raise Misuse("not_an_identity_number")
        number = Secret(match.text)
        medium = Medium("02", number, certno=number)
        return await self._prescriptions.post(settlement_id, MediumGiven(medium), "till")

    async def read_card(self, settlement_id: str) -> Settlement:
        """Give the social-security card in the reader (medium 03); raises `Misuse` with what to do about the card."""
        await self._settlements.get(settlement_id)
        medium = medium_of(await self._cards.read(), self._profile)
        return await self._prescriptions.post(settlement_id, MediumGiven(medium), "card reader")
