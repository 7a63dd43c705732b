"""`ByteStream` over serialx: device paths, `socket://host:port`, `rfc2217://host:port`.

The only module that knows the library. What it must bridge, found by trial with serialx 1.15:

* The far end's going shows in many ways: `OSError` from a device, b"" or `IncompleteReadError` from a socket. All
  become `StreamClosed`, and stay so.
* `drain` returns while up to 64 KiB wait in the library; a stream here promises bytes handed to the line, so the limit
  is set to zero and the kernel's own output queue is watched until it is empty.
* The library's inner serial object keeps the number of a descriptor that was closed, so it is asked only while open.
* At level DEBUG the library logs every byte that passes. Codes of persons pass here, so its loggers are kept at INFO.
"""

import asyncio
import logging
import urllib.parse
from typing import Final

import serialx

from drivers.interfaces.byte_stream import StreamClosed
from drivers.serial.errors import open_failure

OPEN_TIMEOUT_S = 5.0
"""A local device opens in 20 ms; a serial server across the shop's network answers within a second or never."""

CLOSE_TIMEOUT_S = 2.0
_OUTPUT_POLL_S = 0.005
_SCHEMES: Final = ("socket", "rfc2217")


class SerialOpener:
    """Opens the stream behind one configured address, again and again: 8N1, exclusive, then DTR and RTS high."""

    def __init__(self, url: str, baudrate: int = 9600) -> None:
        """Raises `ValueError` for anything but an absolute path, or socket:// or rfc2217:// with host and port.

        `baudrate` is ignored by USB-CDC devices and by `socket://`, but must be set.
        """
        _check_url(url)
        if baudrate <= 0:
            raise ValueError("baud rate must be positive")
        self._url = url
        self._baudrate = baudrate

    @property
    def url(self) -> str:
        """The configured address."""
        return self._url

    async def open(self) -> "SerialStream":
        """Open; raises `PortAbsent` or `PortUnusable` (both `StreamClosed`) with a technician's reason.

        What the device sent before is discarded. Some USB-CDC scanners stay silent while DTR is low.
        """
        _keep_bytes_out_of_logs()
        port = serialx.async_serial_for_url(
            self._url,
            baudrate=self._baudrate,
            exclusive=True,
            dtr_on_open=serialx.PinState.HIGH,
            rts_on_open=serialx.PinState.HIGH,
        )
        try:
            async with asyncio.timeout(OPEN_TIMEOUT_S):
                await port.open()
        except (OSError, serialx.SerialException, ValueError, EOFError) as error:
            raise open_failure(self._url, error) from error
        port.transport.set_write_buffer_limits(high=0)
        return SerialStream(port, self._url)


class SerialStream:
    """One open line; made by `SerialOpener.open`. Owned by one driver, which may read and write at the same time."""

    def __init__(self, port: serialx.AsyncSerial, url: str) -> None:
        self._port = port
        self._url = url
        self._is_device = url.startswith("/")
        self._gone: str | None = None
        self._closed = False
        self._unsent = False

    async def read(self, max_bytes: int) -> bytes:
        """Return 1 to `max_bytes` bytes; see `ByteStream.read`. Cancelling a read loses no byte."""
        self._check()
        try:
            data = await self._port.read(max_bytes)
        except (OSError, EOFError, serialx.SerialException) as error:
            raise self._broken("the device has been unplugged or switched off") from error
        if not data:
            raise self._broken("the far side closed the connection")
        return data

    async def write(self, data: bytes, timeout_s: float) -> None:
        """Hand all of `data` to the line and wait until it has drained; see `ByteStream.write`."""
        self._check()
        self._unsent = True
        try:
            async with asyncio.timeout(timeout_s):
                await self._port.write(data)
                # A socket that has failed is told so in the loop's next round; drain does not wait for it.
                await asyncio.sleep(0)
                # Not the library's flush: it waits in a thread that no time limit can end.
                while self._kernel_holds_output():  # noqa: ASYNC110 - the kernel tells nobody when its queue is empty
                    await asyncio.sleep(_OUTPUT_POLL_S)
        except TimeoutError:
            raise TimeoutError(f"{self._url}: not all bytes went within {timeout_s} s") from None
        except (OSError, serialx.SerialException) as error:
            raise self._broken("the device has been unplugged or switched off") from error
        if not self._port.is_open:
            raise self._broken("the device has been unplugged or switched off")
        self._unsent = False

    async def close(self) -> None:
        """Close, dropping bytes a failed write left behind; may be called twice; never raises."""
        if self._closed:
            return
        self._closed = True
        self._gone = self._gone or "closed"
        try:
            if self._unsent and self._is_device and self._port.is_open:
                # Otherwise the kernel waits up to 30 s for a device that takes nothing.
                self._port.transport.serial.reset_write_buffer()
        except (OSError, serialx.SerialException):
            # The device is gone already, and its buffer with it.
            self._unsent = False
        self._port.abort()
        try:
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._port.wait_closed()
        except (OSError, serialx.SerialException):
            # Timeout included: the descriptor is being closed by the library's own thread.
            return

    def _kernel_holds_output(self) -> bool:
        return (
            self._is_device and self._port.is_open and self._port.transport.serial.num_unwritten_bytes() > 0
        )

    def _check(self) -> None:
        if self._gone is not None:
            raise StreamClosed(f"{self._url}: {self._gone}")

    def _broken(self, reason: str) -> StreamClosed:
        self._gone = self._gone or reason
        return StreamClosed(f"{self._url}: {self._gone}")


def _check_url(url: str) -> None:
    if url.startswith("/"):
        return
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in _SCHEMES:
        raise ValueError(
            f"{url}: a serial address is an absolute device path, socket://host:port or rfc2217://host:port"
        )
    if not parts.hostname or parts.port is None:
        raise ValueError(f"{url}: host and port are both needed")


def _keep_bytes_out_of_logs() -> None:
    logger = logging.getLogger("serialx")
    if logger.level < logging.WARNING:
        logger.setLevel(logging.WARNING)
