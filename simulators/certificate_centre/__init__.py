"""The simulated e-certificate centre (电子凭证中台): codes become tokens, tokens become persons.

`codebook` holds which codes and tokens are out (shared with phone and hub), `core` answers the requests, `open_desk`
the same inside the signed and encrypted envelope, `activation` what only a phone can do, `server` puts them on HTTP.
"""

from simulators.certificate_centre.activation import Activation, ActivationRefused, Step
from simulators.certificate_centre.codebook import CentreRefusal, CodeBook, Lives, ShownCode
from simulators.certificate_centre.core import (
    CHECK_PATH,
    QUERY_PATH,
    CentreSettings,
    CertificateCentre,
    FaceOutcome,
)
from simulators.certificate_centre.open_desk import OPEN_PATH, OpenDesk

__all__ = [
    "CHECK_PATH",
    "OPEN_PATH",
    "QUERY_PATH",
    "Activation",
    "ActivationRefused",
    "CentreRefusal",
    "CentreSettings",
    "CertificateCentre",
    "CodeBook",
    "FaceOutcome",
    "Lives",
    "OpenDesk",
    "ShownCode",
    "Step",
]
