"""AIM symbology identifiers (ISO/IEC 15424): `]`, a letter, a digit, in front of a code when the scanner is set so."""

AIM_IDS = {
    "ean13": "]E0",
    "ean8": "]E4",
    "code128": "]C0",
    "gs1_128": "]C1",
    "gs1_databar": "]e0",
    "code39": "]A0",
    "datamatrix": "]d1",
    "gs1_datamatrix": "]d2",
    "qr": "]Q1",
    "gs1_qr": "]Q3",
    "pdf417": "]L0",
    "other": "]X0",
}
"""Our word for a symbology to its identifier. ]E0 is also UPC-A, sent as 13 digits with a leading 0."""

GS1_AIM_IDS = frozenset({"]C1", "]d2", "]Q3", "]e0"})
"""Symbologies whose content is a GS1 element string by definition."""
