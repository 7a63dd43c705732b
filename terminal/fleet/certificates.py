"""How long certificates are valid."""

import datetime as dt
from pathlib import Path


def expiry_of(path: Path) -> dt.datetime | None:
    """End of validity of the first certificate in a PEM file; None when it holds none or cannot be read.

    Dates only: neither key nor signature is judged, so that certificates with SM2 keys are read as well.
    """
    from cryptography import x509  # only a terminal with certificates pays for it

    try:
        return x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except (OSError, ValueError):
        return None
