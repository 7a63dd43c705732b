"""The TLS side of the lines to hub and certificate centre: one pinned issuing authority, the server's name, TLS 1.2 or newer.

There is nothing here that could be switched off. The machine's own list of authorities is never used: whoever can put
an authority there must not become the hub. No key log is written, whatever the environment says.
"""

import ssl
from pathlib import Path


class TrustUnusable(Exception):
    """The file of the authority cannot be used; the text names the file and why."""


def client_context(authority: Path) -> ssl.SSLContext:
    """Trust exactly the authorities in a PEM file; raises `TrustUnusable`. Reads the file: call it outside the loop.

    An issuing (intermediate) authority alone is enough: nothing above it is asked for. A server's own certificate is
    refused as an authority, because it would be trusted for ever under whatever name it carries. When the file also
    holds a revocation list (CRL) of the authority, the server's certificate is looked up in it, and an outdated list
    is an error like any other.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    try:
        context.load_verify_locations(cafile=str(authority))
    except ssl.SSLError as unusable:
        raise TrustUnusable(f"{authority}: not a PEM file with certificates") from unusable
    except OSError as unreadable:
        raise TrustUnusable(f"{authority}: {unreadable.strerror}") from unreadable
    stored = context.cert_store_stats()
    if stored["x509"] != stored["x509_ca"]:
        raise TrustUnusable(
            f"{authority}: holds a certificate that is not an authority's; name the authority that issued it"
        )
    if stored["crl"]:
        context.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF
    return context
