"""The client of the service for a counter in this process: no socket, virtual time."""

from collections.abc import AsyncGenerator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from terminal.api.views import event_view
from terminal.config import Config
from terminal.shapes.settlements import EventView
from tests.terminal.api.calling import Api
from tests.terminal.harness import Till, counter_config
from yibao.client import ANSWER_LIMIT_S, CounterClient
from yibao.service_line import CounterProblem, ServiceLine
from yibao.words import Words


class _DirectLine(ServiceLine):
    """The line to the API of a counter in this process."""

    def __init__(self, till: Till, config: Config) -> None:
        super().__init__(Path("unused"), "till", ANSWER_LIMIT_S)
        self._api = Api(till, config)

    async def exchange(self, method: str, path: str, sent: Mapping[str, Any]) -> bytes:
        body = msgspec.json.decode(sent["data"]) if "data" in sent else None
        headers = {name.replace("-", "_"): text for name, text in sent["headers"].items()}
        answer = await self._api.call(method, path, body, **headers)
        if answer.status_code >= 400:
            told = answer.json()
            raise CounterProblem(Words(told["code"], told["zh"], told["en"]), answer.status_code)
        return answer.content


class DirectClient(CounterClient):
    """The client of the door, whose requests go to the API of a counter in this process."""

    def __init__(self, till: Till, config: Config | None = None) -> None:
        super().__init__(Path("unused"))
        self._till = till
        self._line = _DirectLine(till, config or counter_config())

    async def events(self, after: int = 0) -> AsyncGenerator[EventView, None]:
        async for entry in self._till.counter.feed.follow(after):
            yield event_view(entry)
