"""The evidence of a sale, as one file. It holds identities: only whoever may read the socket gets it, and that is noted."""

import asyncio

from litestar import Controller, Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath

from terminal.api.client_name import ClientName
from terminal.api.service import Service
from terminal.core.events import Misuse
from terminal.evidence.capsule import build_capsule

CAPSULE_TYPE = "application/zip"


class EvidenceController(Controller):
    """Evidence capsules."""

    path = "/sales"

    @get("/{settlement_id:str}/evidence")
    async def evidence(
        self, service: NamedDependency[Service], settlement_id: FromPath[str], client: ClientName = "till"
    ) -> Response[bytes]:
        """Return the evidence capsule of a sale: every signed message and its answer, verifiable by OpenSSL."""
        counter, keys = service.require_counter(), service.evidence_keys
        if keys is None:
            raise Misuse("not_ready", state=service.phase.value)
        row, attempts, chain = await counter.settlements.evidence(settlement_id, client)
        # Two signatures to verify for each message of perhaps hundreds: too long for the loop that serves every lane.
        capsule = await asyncio.to_thread(
            build_capsule, row, attempts, chain, keys, service.profile, counter.hub.packing
        )
        return Response(capsule, media_type=CAPSULE_TYPE)
