"""The e-certificate (医保电子凭证): from the 28 digits of a QR code to a token that identifies the person once.

The technical standard (XJ-D01-2019) is not public in full; field names and shapes follow what institutions' public
clients send and receive, gaps are closed by our own decisions (PD-1 to PD-10, docs/profile-decisions.md).
"""
