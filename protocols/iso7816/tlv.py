"""The two TLV codings a card uses: BER-TLV in templates, SIMPLE-TLV in records (ISO/IEC 7816-4, 5.2)."""


class MalformedTlv(ValueError):
    """Bytes that do not split into whole data objects."""


def parse_ber(raw: bytes) -> dict[int, bytes]:
    """Return the values of BER-TLV objects by tag (one or two bytes); of objects with the same tag, the first.

    Padding bytes 00 between objects are skipped.
    """
    values: dict[int, bytes] = {}
    at = 0
    while at < len(raw):
        if raw[at] == 0x00:
            at += 1
            continue
        tag, at = _ber_tag(raw, at)
        length, at = _ber_length(raw, at)
        if at + length > len(raw):
            raise MalformedTlv("a data object is longer than the bytes that hold it")
        values.setdefault(tag, raw[at : at + length])
        at += length
    return values


def _ber_tag(raw: bytes, at: int) -> tuple[int, int]:
    tag = raw[at]
    at += 1
    if tag & 0x1F != 0x1F:
        return tag, at
    if at >= len(raw) or raw[at] & 0x80:
        raise MalformedTlv("a tag ends early or is longer than two bytes")
    return tag << 8 | raw[at], at + 1


def _ber_length(raw: bytes, at: int) -> tuple[int, int]:
    if at >= len(raw):
        raise MalformedTlv("a data object has no length")
    first = raw[at]
    at += 1
    if first < 0x80:
        return first, at
    count = first & 0x7F
    if count not in (1, 2) or at + count > len(raw):
        raise MalformedTlv("a length field is not readable")
    return int.from_bytes(raw[at : at + count], "big"), at + count


def encode_ber(tag: int, value: bytes) -> bytes:
    """Write one BER-TLV object with a value of at most 127 bytes (all a card's FCI needs)."""
    if len(value) > 0x7F:
        raise MalformedTlv("a value of more than 127 bytes needs a long length field")
    return tag.to_bytes(2 if tag > 0xFF else 1, "big") + bytes([len(value)]) + value


def parse_simple(raw: bytes) -> dict[int, bytes]:
    """Return the values of SIMPLE-TLV objects by tag; of objects with the same tag, the first.

    A length is one byte, or FF and two bytes.
    """
    values: dict[int, bytes] = {}
    at, end = 0, len(raw)
    while at < end:
        if end - at < 2:
            raise MalformedTlv("a record ends inside its tag and length")
        tag, length, start = raw[at], raw[at + 1], at + 2
        if length == 0xFF:
            length, start = int.from_bytes(raw[start : start + 2], "big"), start + 2
        at = start + length
        if at > end:
            raise MalformedTlv("a record is shorter than its length says")
        values.setdefault(tag, raw[start:at])
    return values


def encode_simple(tag: int, value: bytes) -> bytes:
    """Write one SIMPLE-TLV object with a value of at most 254 bytes."""
    if len(value) > 0xFE:
        raise MalformedTlv("a record value of more than 254 bytes needs a long length field")
    return bytes([tag, len(value)]) + value
