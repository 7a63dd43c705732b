"""Where the broker is and who we are there."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal
from urllib.parse import urlsplit

MqttVersion = Literal["5", "3.1.1"]
_THIS_MACHINE: Final = ("127.0.0.1", "::1", "localhost")
_PORTS: Final = {"mqtt": 1883, "mqtts": 8883}


@dataclass(frozen=True, slots=True)
class BrokerAddress:
    """A checked broker URL."""

    host: str
    port: int
    tls: bool

    @classmethod
    def parse(cls, url: str) -> "BrokerAddress":
        """Read `mqtt://host:port` (this machine only) or `mqtts://host:port`; raises ValueError with a reason.

        Names and passwords do not belong into a URL, which is shown and logged.
        """
        parts = urlsplit(url)
        if parts.scheme not in _PORTS or not parts.hostname:
            raise ValueError("must be mqtts://host:port, or mqtt://127.0.0.1:port")
        if (
            parts.username is not None
            or parts.password is not None
            or parts.path not in ("", "/")
            or parts.query
        ):
            raise ValueError("must hold nothing but scheme, host and port")
        if parts.scheme == "mqtt" and parts.hostname not in _THIS_MACHINE:
            raise ValueError("must be mqtts; plain mqtt is allowed to this machine only")
        return cls(parts.hostname, parts.port or _PORTS[parts.scheme], parts.scheme == "mqtts")


@dataclass(frozen=True, slots=True)
class Identity:
    """How we prove who we are; files are read again at every connection, so that a corrected one is taken up."""

    name: str
    """User name and client id."""
    password_file: Path | None = None
    """Of mode 0600, with one line."""
    certificate: Path | None = None
    """PEM file of mode 0600 with certificate and private key; its common name is `name`."""
