"""What every request to the hub carries besides its body: path and headers, made at the moment it leaves.

None of it is stored: the body's exact bytes are on disk before, the headers prove to the gateway that they come from us
now. A token that cannot be had means that the request itself was never sent.
"""

import asyncio
from collections.abc import Callable, Mapping
from typing import Final

from drivers.interfaces.clock import Clock
from drivers.interfaces.hub_transport import HubTransport, NoAnswer, NotSent
from protocols.errors import MalformedMessage
from protocols.hub.addresses import path_of
from protocols.hub.gateway import Credentials, Token, headers_of, read_token, token_request
from protocols.hub.profile import Profile
from protocols.secret import Secret

_EARLY_S: Final = 60.0
"""A token is renewed so long before its end (or after half of a shorter life): none shall end on the way."""


class HubGate:
    """Path and headers of one profile, with one institution's credentials."""

    def __init__(
        self,
        profile: Profile,
        credentials: Credentials,
        transport: HubTransport,
        clock: Clock,
        random_bits: Callable[[int], int],
    ) -> None:
        """`random_bits(128)` draws the nonce of G1; the transport also fetches the token of G4."""
        self._hub = profile.hub
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._random_bits = random_bits
        self._token: Token | None = None
        self._token_from_s = 0.0
        self._renewing = asyncio.Lock()

    def path(self, infno: str) -> str:
        """Where this transaction goes. Raises `protocols.hub.addresses.NoPath`."""
        return path_of(self._hub, infno)

    async def headers(self, infno: str, body: bytes) -> Mapping[str, str]:
        """The headers for these bytes, now. Raises `NotSent` when no token is to be had: nothing of the request left."""
        token = (await self._bearer()).text if self._hub.gateway == "G4" else Secret()
        number = self._random_bits(128) if self._hub.gateway == "G1" else 0
        unix_ms = int(self._clock.now().timestamp() * 1000)
        return {
            "Content-Type": self._hub.content_type,
            **headers_of(self._hub, self._credentials, infno, body, unix_ms, number, token),
        }

    def refused(self) -> None:
        """The gateway did not accept our headers: the next request fetches a new token. Nothing is sent again for it."""
        self._token = None

    async def _bearer(self) -> Token:
        """The token, renewed when it is due. Its life begins when it was asked for, and only if it came."""
        async with self._renewing:  # lanes ask at the same time
            now_s = self._clock.monotonic_s()
            token = self._token
            if token is None or now_s - self._token_from_s >= max(token.life_s - _EARLY_S, token.life_s / 2):
                token = await self._fetch()
                self._token, self._token_from_s = token, now_s
            return token

    async def _fetch(self) -> Token:
        hub = self._hub
        headers, body = token_request(hub, self._credentials)
        path = hub.proxy_prefix + hub.token_path
        try:
            raw = await self._transport.post(path, body, headers, hub.connect_timeout_s, hub.total_timeout_s)
            if raw.status != 200:
                raise NotSent("gateway_token")
            return read_token(raw.body)
        except (NoAnswer, MalformedMessage):
            raise NotSent("gateway_token") from None
