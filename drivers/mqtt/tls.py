"""The TLS side of a broker connection, and what can be said about a failed one."""

import datetime as dt
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509

from drivers.interfaces.fleet_transport import FleetProblem, FleetUnavailable

# X509_V_ERR_* of OpenSSL's x509_vfy.h
_NOT_YET_VALID: Final = 9
_EXPIRED: Final = 10
_WRONG_NAME: Final = (62, 64)
"""Host name and IP address mismatch."""


class _ClosingSocket(ssl.SSLSocket):
    """Closes itself when the handshake fails: the MQTT library drops it open on that path."""

    def do_handshake(self, block: bool = False) -> None:
        try:
            super().do_handshake(block)
        except BaseException:
            self.close()
            raise


def client_context(authority: Path | None, certificate: Path | None) -> ssl.SSLContext:
    """Build the context of one connection; raises `FleetUnavailable`. Reads files: call it outside the loop.

    `authority` None trusts the machine's own list. The broker's name is always checked.
    """
    try:
        context = ssl.create_default_context(cafile=None if authority is None else str(authority))
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.sslsocket_class = _ClosingSocket
        if certificate is not None:
            _require_valid(certificate)
            context.load_cert_chain(certificate)
    except (OSError, ValueError) as unreadable:
        # ssl.SSLError is an OSError; its text may quote nothing of a key
        raise FleetUnavailable(
            FleetProblem.FILES, _file_detail(unreadable, authority, certificate)
        ) from unreadable
    return context


def _file_detail(failure: Exception, authority: Path | None, certificate: Path | None) -> str:
    if isinstance(failure, FileNotFoundError | PermissionError) and failure.filename:
        return f"{failure.filename}: {failure.strerror}"
    names = ", ".join(str(path) for path in (authority, certificate) if path is not None)
    return f"{names}: not a usable PEM file"


def _require_valid(certificate: Path) -> None:
    """An expired certificate of our own is said before connecting: brokers only cut such a connection."""
    if x509.load_pem_x509_certificate(certificate.read_bytes()).not_valid_after_utc < dt.datetime.now(dt.UTC):
        raise FleetUnavailable(FleetProblem.OWN_CERTIFICATE_EXPIRED, str(certificate))


def connect_problem(failure: OSError) -> FleetProblem:
    """Say why no connection came about."""
    if isinstance(failure, ssl.SSLCertVerificationError):
        if failure.verify_code in (_EXPIRED, _NOT_YET_VALID):
            return FleetProblem.CERTIFICATE_EXPIRED
        if failure.verify_code in _WRONG_NAME:
            return FleetProblem.CERTIFICATE_NAME
        return FleetProblem.CERTIFICATE_UNTRUSTED
    if isinstance(failure, TimeoutError):
        return FleetProblem.SILENT
    if isinstance(failure, ssl.SSLError):
        return FleetProblem.TLS
    return FleetProblem.UNREACHABLE
