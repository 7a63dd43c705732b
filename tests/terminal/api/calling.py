"""The local API over a counter of the harness, asked in this process: real routes, no sockets, virtual time."""

from typing import Any

import httpx

from drivers.interfaces.reach import Reached
from terminal.api.routes import build_app
from terminal.api.service import Service, ServicePhase
from terminal.config import Config
from terminal.devices.reader_state import Look
from tests.terminal.harness import Till

BASE = "http://counter"


class Api:
    """A client of the API of one counter; keeps every answer as it came."""

    def __init__(self, till: Till, config: Config, look: Look | None = None) -> None:
        self.service = Service(config, till.shop.profile, "0.0.0")
        self.service.phase = ServicePhase.RECOVERING
        self.service.counter = till.counter
        self.service.reader_look = look
        self.service.reach = self.reach
        self.line = Reached("127.0.0.1:1", connect_ms=0.1, answer_ms=0.2, status=405)
        self.reached: list[tuple[str, str]] = []
        self.answers: list[httpx.Response] = []
        self._app: Any = build_app(self.service)

    async def reach(self, url: str, path: str = "/") -> Reached:
        """See `Reach`: says what `line` says."""
        self.reached.append((url, path))
        return self.line

    async def call(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """One request."""
        sent = {"X-Client": "test", **{name.replace("_", "-"): value for name, value in headers.items()}}
        # raise_app_exceptions False: an internal error must be an answer, as it is behind the real server.
        transport = httpx.ASGITransport(app=self._app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url=BASE) as client:
            answer = await client.request(method, path, json=body, headers=sent)
        self.answers.append(answer)
        return answer

    async def post(self, path: str, body: Any = None, **headers: str) -> Any:
        """POST and return the answer's JSON."""
        return (await self.call("POST", path, {} if body is None else body, **headers)).json()

    async def get(self, path: str) -> Any:
        """GET and return the answer's JSON."""
        return (await self.call("GET", path)).json()
