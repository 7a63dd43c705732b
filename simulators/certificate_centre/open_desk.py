"""The signed and encrypted door of the centre: the same questions as the plain one, inside the open interface's envelope.

`data` holds a plain request (`orgId`, `transType`, `data`); the answer's `data` is what the plain reply would hold.
No published text says which services stand behind this envelope at a centre, so this is our own choice (PD-8); the
envelope itself is the published one. Answers are signed and encrypted too, refusals signed.
"""

import datetime as dt
from functools import cache
from typing import Final

import msgspec

from protocols.ecertificate import open_interface
from protocols.ecertificate.open_interface import Access, OpenRefused, Style
from protocols.ecertificate.refusals import MEANINGS, REQUEST_REPEATED
from protocols.gm import sm2
from protocols.secret import Secret
from simulators.certificate_centre.codebook import CentreRefusal
from simulators.certificate_centre.core import EXTRA, CertificateCentre

OPEN_PATH: Final = "/pmc/api/hsecfc/localQrCodeQuery"


class OpenApp(msgspec.Struct, frozen=True):
    """One application the centre knows."""

    access: Access
    public_key: sm2.PublicKey
    """Of the application; it signs what it asks."""


TEST_APP: Final = Access("SIMAPP0000000000SIMAPP0000000000", Secret("SIMSECRET00000000SIMSECRET000000"))
"""The published test application: TEST ONLY."""

_TEST_APP_SCALAR: Final = b"\x11" * 32
_TEST_CENTRE_SCALAR: Final = b"\x33" * 32


@cache
def shared_app_key() -> sm2.PrivateKey:
    """The private key of `TEST_APP`: everybody knows it, it guards nothing."""
    return sm2.PrivateKey.from_scalar(_TEST_APP_SCALAR)


@cache
def shared_centre_key() -> sm2.PrivateKey:
    """The key with which the simulated centre signs its answers: everybody knows it."""
    return sm2.PrivateKey.from_scalar(_TEST_CENTRE_SCALAR)


class OpenDesk:
    """Answers requests of one application."""

    def __init__(
        self,
        centre: CertificateCentre,
        style: Style,
        app: OpenApp | None = None,
        key: sm2.PrivateKey | None = None,
    ) -> None:
        """`style` is how answers are written, and which signer id both sides use."""
        self._centre = centre
        self._style = style
        self._app = app or OpenApp(TEST_APP, shared_app_key().public_key)
        self._key = key or shared_centre_key()
        self._seen: dict[tuple[str, str], dt.datetime] = {}

    def handle(self, body: bytes, now: dt.datetime) -> bytes:
        """Answer one request; an answer is always signed, even to a stranger."""
        try:
            opened = open_interface.open_message(body, self._app.access, self._style, self._verify, now)
            self._refuse_repeated(opened, now)
            data = self._centre.ask(opened.data, now)
        except OpenRefused as refused:
            meaning = MEANINGS[refused.code]
            return self._seal(b"", now, refused.code, f"{meaning.zh} ({meaning.en})")
        except CentreRefusal as refusal:
            return self._seal(b"", now, refusal.code, refusal.message)
        return self._seal(data, now, 0, "成功")

    def _refuse_repeated(self, opened: open_interface.Opened, now: dt.datetime) -> None:
        window = dt.timedelta(seconds=2 * open_interface.WINDOW_S)
        self._seen = {key: at for key, at in self._seen.items() if now - at <= window}
        key = (opened.timestamp, opened.signature)
        if key in self._seen:
            raise OpenRefused(REQUEST_REPEATED, "signData")
        self._seen[key] = now

    def _seal(self, data: bytes, now: dt.datetime, code: int, message: str) -> bytes:
        return open_interface.seal(
            data, now, self._app.access, self._style, self._key.sign, code=code, message=message, extra=EXTRA
        )

    def _verify(self, text: bytes, signature: bytes, signer_id: bytes) -> bool:
        return self._app.public_key.verify(text, signature, signer_id)
