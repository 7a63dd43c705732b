"""The simulated e-certificate centre (电子凭证中台): codes become tokens, tokens become persons.

`codebook` holds which codes and tokens are out (shared with phone and hub), `core` answers the requests,
`server` puts them on HTTP.
"""

from simulators.certificate_centre.codebook import CentreRefusal, CodeBook, Lives
from simulators.certificate_centre.core import CHECK_PATH, QUERY_PATH, CertificateCentre

__all__ = ["CHECK_PATH", "QUERY_PATH", "CentreRefusal", "CertificateCentre", "CodeBook", "Lives"]
