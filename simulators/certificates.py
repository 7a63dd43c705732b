"""An authority for simulated servers: issues TLS certificates that are good, and every kind that must be refused.

The keys are P-256 and live only as long as the folder they are written to. Never put this authority into a list that
anything real trusts.
"""

import datetime as dt
import ipaddress
import ssl
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_DAY: Final = dt.timedelta(days=1)
_LIFE_DAYS: Final = 30
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class SimulatedAuthority:
    """One authority, its certificate in `file`; a second one in the same folder needs another name."""

    def __init__(
        self,
        folder: Path,
        name: str = "yibao test authority",
        issuer: "SimulatedAuthority | None" = None,
        *,
        life_days: float = _LIFE_DAYS,
    ) -> None:
        """Make the authority's key and write its certificate into `folder`; `issuer` None = it vouches for itself."""
        self._folder = folder
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = _name(name)
        now = dt.datetime.now(dt.UTC)
        self._certificate = (
            _builder(
                self._name,
                issuer._name if issuer else self._name,
                self._key.public_key(),
                now - _DAY,
                now + life_days * _DAY,
            )
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .sign(issuer._key if issuer else self._key, hashes.SHA256())
        )
        self.file = folder / f"{name.replace(' ', '-')}.pem"
        """The authority's certificate, PEM: what a terminal names as `ca`."""
        self.file.write_bytes(self._certificate.public_bytes(serialization.Encoding.PEM))

    def issue(
        self,
        file: str = "server.pem",
        *,
        hosts: tuple[str, ...] = LOOPBACK,
        from_days: float = -1,
        until_days: float = 10,
    ) -> Path:
        """Write certificate and key of a server called `hosts`, valid between two days counted from now."""
        return self._issue(file, hosts, from_days, until_days, self._name, self._key)

    def issue_self_signed(self, file: str = "self-signed.pem") -> Path:
        """Write a certificate that nobody but its own key vouches for."""
        return self._issue(file, LOOPBACK, -1, 10, None, None)

    def revocation_list(self, *certificates: Path, until_days: float = 5) -> Path:
        """Write the authority's certificate together with a list (CRL) that revokes `certificates`."""
        now = dt.datetime.now(dt.UTC)
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self._name)
            .last_update(now - 10 * _DAY)
            .next_update(now + until_days * _DAY)
        )
        for path in certificates:
            serial = x509.load_pem_x509_certificate(path.read_bytes()).serial_number
            revoked = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(now - _DAY)
            builder = builder.add_revoked_certificate(revoked.build())
        path = self.file.with_name(f"{self.file.stem}-with-list.pem")
        listed = builder.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        path.write_bytes(self.file.read_bytes() + listed)
        return path

    def _issue(
        self,
        file: str,
        hosts: tuple[str, ...],
        from_days: float,
        until_days: float,
        issuer: x509.Name | None,
        issuer_key: ec.EllipticCurvePrivateKey | None,
    ) -> Path:
        key, now = ec.generate_private_key(ec.SECP256R1()), dt.datetime.now(dt.UTC)
        subject = _name(hosts[0])
        certificate = (
            _builder(
                subject, issuer or subject, key.public_key(), now + from_days * _DAY, now + until_days * _DAY
            )
            .add_extension(
                x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
            )
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .sign(issuer_key or key, hashes.SHA256())
        )
        path = self._folder / file
        path.write_bytes(
            certificate.public_bytes(serialization.Encoding.PEM)
            + key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )
        path.chmod(0o600)
        return path


def is_current(certificate: Path, days: float = 1) -> bool:
    """Whether a certificate is there and good for so many days more."""
    try:
        read = x509.load_pem_x509_certificate(certificate.read_bytes())
    except (OSError, ValueError):
        return False
    return read.not_valid_after_utc > dt.datetime.now(dt.UTC) + days * _DAY


def server_context(certificate: Path) -> ssl.SSLContext:
    """What a server needs to serve with `certificate` (PEM with key); TLS 1.2 or newer."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(certificate)
    return context


def _builder(
    subject: x509.Name,
    issuer: x509.Name,
    key: ec.EllipticCurvePublicKey,
    begins: dt.datetime,
    ends: dt.datetime,
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates, content_commitment=False, key_encipherment=False,
        data_encipherment=False, key_agreement=False, key_cert_sign=signs_certificates, crl_sign=signs_certificates,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _name(common_name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
