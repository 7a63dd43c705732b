"""aiomqtt's client with the gaps closed that matter at a counter.

* A connection given up half-way (the service stops, the broker does not answer) leaves its socket open and its reader
  on the loop. Here `open` and `close` end it in every case.
* The reason of a failed connection is turned into text. Here the exception is kept.
* A broker that closes the line before its answer to CONNECT is waited for until the time limit. Here it ends at once.
* A line that ends right behind that answer is forgotten, and nobody ever learns that it ended. Here it is an error.
* Under MQTT 5 a broker answers a message it does not let through with an acknowledgement that says so. aiomqtt takes
  any acknowledgement for success. Here the refusal is kept for `publish` to raise.
* It watches its socket by number, a moment after it was told to. By then the number may be somebody else's. Here only
  the socket that still is ours is watched.
* `asyncio.wait_for` of Python 3.11, which it waits with, can lose a cancellation that comes together with the answer.
  Here such waits run in tasks of their own.

All need methods that aiomqtt keeps to itself; the lock pins its version.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import aiomqtt
from paho.mqtt.client import Client as PahoClient
from paho.mqtt.client import ConnectFlags, DisconnectFlags
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode

Result = TypeVar("Result")


_FIRST_FAILURE = 0x80
"""Return codes of SUBACK in MQTT 3.1.1 from here on are refusals (section 3.9.3)."""


class NotAuthorised(Exception):
    """The broker acknowledged a message by refusing it."""


class Client(aiomqtt.Client):
    """One connection, used once: `open`, then `publish_checked` and `messages`, then `close`."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.connect_failure: OSError | None = None
        """Why the socket could not be connected."""
        self.end_reason: ReasonCode | None = None
        """Why the line ended, as far as the broker or the library says."""
        self.session_present = False
        """The broker had kept our session."""
        self._cutting = False
        self._refusal: ReasonCode | None = None
        self._publishing = asyncio.Lock()
        self._loop_thread = threading.get_ident()

    @property
    def lost(self) -> "asyncio.Future[None]":
        """Done once the connection is over."""
        return self._disconnected

    async def open(self) -> None:
        """Connect; raises MqttError. After an error or a cancellation nothing is left open."""
        entering = asyncio.ensure_future(self.__aenter__())
        try:
            await asyncio.shield(entering)
            if self._client.socket() is None:
                raise aiomqtt.MqttError("the line ended right after the answer")
        except asyncio.CancelledError:
            # Connecting runs in a thread that cannot be stopped. What follows it can: the answer is no longer awaited.
            if not self._connected.done():
                self._connected.set_exception(aiomqtt.MqttError("given up"))
                self._connected.exception()  # seen: there may be nobody who waits for it
            await asyncio.wait({entering})
            await self._clean(entering)
            raise
        except aiomqtt.MqttError:
            await self._clean(entering)
            raise

    async def _clean(self, entering: "asyncio.Future[Any]") -> None:
        if entering.exception() is None:
            await self.close()
        else:
            self._cut()

    async def close(self) -> None:
        """Say goodbye if the line still stands; nothing is left open in any case."""
        try:
            if self._client.socket() is not None:
                await self._unless_lost(self.__aexit__(None, None, None))
        except aiomqtt.MqttError:
            return
        finally:
            self._cut()

    def _cut(self) -> None:
        """Close the socket through the library's own path for a line that ended, so that it tidies up."""
        self._cutting = True
        line = self._client.socket()
        if not isinstance(line, socket.socket):
            return
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)
        self._client.loop_read()
        if self._client.socket() is not None:
            raise RuntimeError("the MQTT library kept a closed socket")

    async def publish_checked(self, topic: str, payload: bytes, retain: bool) -> None:
        """Publish with QoS 1; raises MqttError, at once when the line breaks, and `NotAuthorised`."""
        async with self._publishing:
            self._refusal = None
            await self._unless_lost(self.publish(topic, payload, qos=1, retain=retain))
            if self._refusal is not None:
                raise NotAuthorised(str(self._refusal))

    async def subscribe_checked(self, topic: str) -> bool:
        """Subscribe with QoS 1; False when the broker refuses. Raises MqttError, at once when the line breaks."""
        codes = await self._unless_lost(self.subscribe(topic, qos=1))
        return not any(
            code.is_failure if isinstance(code, ReasonCode) else code >= _FIRST_FAILURE for code in codes
        )

    async def _unless_lost(self, work: Coroutine[Any, Any, Result]) -> Result:
        """Do something that waits for the broker; the end of the line ends it."""
        task = asyncio.ensure_future(work)
        ends: set[asyncio.Future[Any]] = {task, self._disconnected}
        try:
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        finally:
            if not task.done():
                task.cancel()
        if task.done() and not task.cancelled():
            return task.result()
        raise aiomqtt.MqttError("the line ended")

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except OSError as failure:
            self.connect_failure = failure
            raise

    def _on_connect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        self.session_present = flags.session_present
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_disconnect(
        self,
        client: PahoClient,
        userdata: Any,
        flags: DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if self._cutting:
            return
        self.end_reason = reason_code
        if not self._connected.done():
            self._connected.set_exception(aiomqtt.MqttError("the line was closed before the answer"))
            return
        super()._on_disconnect(client, userdata, flags, reason_code, properties)
        if self._disconnected.done():
            self._disconnected.exception()  # taken note of, so that the loop does not report it as forgotten

    def _on_publish(
        self, client: PahoClient, userdata: Any, mid: int, reason_code: ReasonCode, properties: Properties
    ) -> None:
        if reason_code.is_failure and mid in self._pending_publishes:
            self._refusal = reason_code
        super()._on_publish(client, userdata, mid, reason_code, properties)

    def _on_socket_register_write(self, client: PahoClient, userdata: Any, sock: Any) -> None:
        def watch() -> None:
            line = client.socket()
            if line is not None and line is sock:
                self._loop.add_writer(line.fileno(), self._write)

        if threading.get_ident() == self._loop_thread:
            watch()
        else:
            self._loop.call_soon_threadsafe(watch)

    def _write(self) -> None:
        try:
            self._client.loop_write()
        except Exception as broken:  # noqa: BLE001 - whatever it is, it ends the line, and the line's reader raises it
            if not self._disconnected.done():
                self._disconnected.set_exception(broken)
