#!/usr/bin/env python3
"""Verify an export of a terminal's audit log. Needs Python 3.10 or later and nothing else: one file, no packages.

    python3 -I verify_export.py EXPORT [--key-id ID] [--anchor RECORDS:HASH]

EXPORT is what `yibao journal export` wrote: JSON lines, first a header, then the audit records in order with the signed
anchors between them, last a signed end. Checked is: the file is complete; every record is hashed into the next, without
a gap from the first on; every anchor and the end are signed by the audit key and name the right record.

The header brings the audit key along, so a forger could bring a key of their own. Therefore compare the key id that is
printed with the one noted when the terminal was set up (`yibao keys show`), or give it with --key-id. An export cannot
show that a whole later part was never exported: --anchor takes what somebody has noted elsewhere (a printed day's
end, the fleet) as RECORDS:HASH, at least 16 hexadecimal digits of the hash.

Exit status: 0 everything holds; 1 something is wrong, and it is said what; 2 the command line makes no sense.

SM3 (GB/T 32905-2016) and the verification of SM2 signatures (GB/T 32918.2-2016, curve of part 5, signer id
1234567812345678) are written out below. Where the interpreter's own hashlib has SM3 it is used, because it is faster,
after both have given the same answer.
"""

import hashlib
import json
import struct
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any

Point = tuple[int, int]

# -- SM3 -------------------------------------------------------------------------------------------

_START = (0x7380166F, 0x4914B2B9, 0x172442D7, 0xDA8A0600, 0xA96F30BC, 0x163138AA, 0xE38DEE4D, 0xB0FB0E4E)
_MASK = 0xFFFFFFFF


def _left(word: int, by: int) -> int:
    by %= 32
    return ((word << by) | (word >> (32 - by))) & _MASK


def _compress(state: tuple[int, ...], block: bytes) -> tuple[int, ...]:
    words = list(struct.unpack(">16I", block))
    for at in range(16, 68):
        mixed = words[at - 16] ^ words[at - 9] ^ _left(words[at - 3], 15)
        mixed ^= _left(mixed, 15) ^ _left(mixed, 23)
        words.append(mixed ^ _left(words[at - 13], 7) ^ words[at - 6])
    a, b, c, d, e, f, g, h = state
    for at in range(64):
        constant = 0x79CC4519 if at < 16 else 0x7A879D8A
        ss1 = _left((_left(a, 12) + e + _left(constant, at)) & _MASK, 7)
        ss2 = ss1 ^ _left(a, 12)
        if at < 16:
            ff, gg = a ^ b ^ c, e ^ f ^ g
        else:
            ff, gg = (a & b) | (a & c) | (b & c), (e & f) | (~e & _MASK & g)
        tt1 = (ff + d + ss2 + (words[at] ^ words[at + 4])) & _MASK
        tt2 = (gg + h + ss1 + words[at]) & _MASK
        d, c, b, a = c, _left(b, 9), a, tt1
        h, g, f = g, _left(f, 19), e
        e = tt2 ^ _left(tt2, 9) ^ _left(tt2, 17)
    return tuple(old ^ new for old, new in zip(state, (a, b, c, d, e, f, g, h), strict=True))


def own_sm3(data: bytes) -> bytes:
    """SM3 of bytes, written out."""
    padded = data + b"\x80" + bytes((55 - len(data)) % 64) + struct.pack(">Q", len(data) * 8)
    state: tuple[int, ...] = _START
    for at in range(0, len(padded), 64):
        state = _compress(state, padded[at : at + 64])
    return struct.pack(">8I", *state)


def choose_sm3() -> Callable[[bytes], bytes]:
    """The interpreter's SM3 when it has one that agrees with ours, else ours."""
    try:
        if hashlib.new("sm3", b"abc").digest() == own_sm3(b"abc"):
            return lambda data: hashlib.new("sm3", data).digest()
    except ValueError:
        pass  # this OpenSSL has none
    return own_sm3


sm3 = choose_sm3()

# -- SM2 -------------------------------------------------------------------------------------------

_P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
_A = _P - 3
_B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
_N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
_G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)
_SIGNER = b"1234567812345678"


def _add(one: Point | None, two: Point | None) -> Point | None:
    """The sum of two points (None = infinity), in plain coordinates."""
    if one is None or two is None:
        return one or two
    if one[0] == two[0]:
        if (one[1] + two[1]) % _P == 0:
            return None
        slope = (3 * one[0] * one[0] + _A) * pow(2 * one[1], -1, _P) % _P
    else:
        slope = (two[1] - one[1]) * pow(two[0] - one[0], -1, _P) % _P
    x = (slope * slope - one[0] - two[0]) % _P
    return x, (slope * (one[0] - x) - one[1]) % _P


def _times(factor: int, point: Point | None) -> Point | None:
    found: Point | None = None
    while factor:
        if factor & 1:
            found = _add(found, point)
        point = _add(point, point)
        factor >>= 1
    return found


def read_point(text: str) -> Point:
    """An SM2 public key from 130 hexadecimal digits (04, x, y); raises ValueError when it is none."""
    raw = bytes.fromhex(text)
    if len(raw) != 65 or raw[0] != 4:
        raise ValueError("not an uncompressed point")
    x, y = int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")
    if not (x < _P and y < _P and (y * y - x * x * x - _A * x - _B) % _P == 0):
        raise ValueError("not a point of the SM2 curve")
    return x, y


def verifies(key: Point, data: bytes, signature: bytes) -> bool:
    """Whether `signature` (r || s, 64 bytes) is the key's over `data`."""
    if len(signature) != 64:
        return False
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if not (0 < r < _N and 0 < s < _N) or (r + s) % _N == 0:
        return False
    numbers = (_A, _B, _G[0], _G[1], key[0], key[1])
    start = struct.pack(">H", len(_SIGNER) * 8) + _SIGNER
    z = sm3(start + b"".join(number.to_bytes(32, "big") for number in numbers))
    e = int.from_bytes(sm3(z + data), "big")
    point = _add(_times(s, _G), _times((r + s) % _N, key))
    return point is not None and (e + point[0]) % _N == r


def key_id_of(point_text: str) -> str:
    """The id of a key: the first 16 hexadecimal digits of the SM3 of its point."""
    return sm3(bytes.fromhex(point_text)).hex()[:16]


# -- the export ------------------------------------------------------------------------------------


class Wrong(Exception):
    """Something in the export that does not hold; the text says what and where."""


def _lines(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    with open(path, "rb") as file:
        for number, line in enumerate(file, start=1):
            if not line.endswith(b"\n"):
                raise Wrong(f"line {number}: the file breaks off in the middle")
            try:
                content = json.loads(line)
            except (ValueError, RecursionError):
                raise Wrong(f"line {number}: not JSON") from None
            if not isinstance(content, dict):
                raise Wrong(f"line {number}: not an object")
            yield number, content


def _signed(kind: str, terminal: str, line: dict[str, Any]) -> bytes:
    parts = [f"yibao {kind} 1", terminal, line["records"], line["head"], line["at"]]
    parts.append(line["boot_id"] if kind == "anchor" else line["anchors"])
    return "".join(f"{part}\n" for part in parts).encode()


class Check:
    """One pass over an export; `problems` holds what is wrong."""

    def __init__(self, key_id: str, noted: tuple[int, str] | None) -> None:
        self.problems: list[str] = []
        self.records = 0
        self.anchors = 0
        self.head = bytes(32)
        self.header: dict[str, Any] = {}
        self.at = ""
        self._wanted_key_id = key_id
        self._noted = noted
        self._key: Point | None = None
        self._known: dict[int, str] = {}
        self._ended = False

    def wrong(self, text: str) -> None:
        """Note one problem."""
        self.problems.append(text)

    def run(self, path: str) -> None:
        """Read everything; what is wrong with the file as a file ends the reading."""
        try:
            for number, line in _lines(path):
                try:
                    self._line(number, line)
                except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as odd:
                    raise Wrong(f"line {number}: cannot be read ({type(odd).__name__})") from None
            if not self.header:
                raise Wrong("the file is empty")
            if not self._ended:
                raise Wrong(f"the end is missing: cut off after record {self.records}")
        except Wrong as wrong:
            self.wrong(str(wrong))
        except OSError as unreadable:
            self.wrong(f"cannot be read: {unreadable.strerror}")
        self._compare_noted()

    def _line(self, number: int, line: dict[str, Any]) -> None:
        kind = line.get("type")
        if self._ended:
            raise Wrong(f"line {number}: something stands behind the end")
        if (kind == "header") != (number == 1):
            raise Wrong(f"line {number}: the header is missing or stands in the wrong place")
        if kind == "header":
            self._begin(line)
        elif kind == "record":
            self._record(line)
        elif kind == "anchor":
            self._anchor(line)
        elif kind == "end":
            self._end(line)
        else:
            raise Wrong(f"line {number}: unknown kind of line")

    def _begin(self, line: dict[str, Any]) -> None:
        if line["format"] != "yibao-journal-export" or line["version"] != 1:
            raise Wrong("not an export of this version")
        self.header = line
        try:
            self._key = read_point(line["audit_key"])
        except ValueError as odd:
            raise Wrong(f"the audit key in the header is none: {odd}") from None
        own = key_id_of(line["audit_key"])
        if line["audit_key_id"] != own:
            self.wrong("the header's key id does not belong to the header's key")
        if self._wanted_key_id and self._wanted_key_id != own:
            self.wrong(f"signed by another key: {own}, wanted is {self._wanted_key_id}")

    def _record(self, line: dict[str, Any]) -> None:
        sequence, record = line["sequence"], line["record"].encode("utf-8")
        if sequence != self.records + 1:
            self.wrong(f"record {self.records + 1}: missing (the next one here is {sequence})")
        digest = sm3(self.head + record)
        if digest.hex() != line["hash"]:
            self.wrong(f"record {sequence}: was changed, or what stood before it was")
        if json.loads(record)["sequence"] != sequence:
            self.wrong(f"record {sequence}: carries another number inside")
        # Go on from the hash as it is written: one changed record is one problem, not all that follow.
        self.records, self.head = sequence, bytes.fromhex(line["hash"])
        if self._noted and sequence == self._noted[0]:
            self._known[sequence] = line["hash"]

    def _anchor(self, line: dict[str, Any]) -> None:
        self.anchors += 1
        name = f"anchor of record {line['records']}"
        if line["records"] != self.records or line["head"] != self.head.hex():
            self.wrong(f"{name}: names another record than the one that stands before it")
        self._signature("anchor", name, line)

    def _end(self, line: dict[str, Any]) -> None:
        self._ended, self.at = True, line["at"]
        if line["records"] != self.records or line["head"] != self.head.hex():
            self.wrong(f"the end: speaks of {line['records']} records, here are {self.records}")
        if line["anchors"] != self.anchors:
            self.wrong(f"the end: speaks of {line['anchors']} anchors, here are {self.anchors}")
        self._signature("export", "the end", line)

    def _signature(self, kind: str, name: str, line: dict[str, Any]) -> None:
        signed = _signed(kind, self.header["terminal"], line)
        if self._key is None or not verifies(self._key, signed, bytes.fromhex(line["signature"])):
            self.wrong(f"{name}: is not signed by the audit key")

    def _compare_noted(self) -> None:
        if not self._noted:
            return
        records, beginning = self._noted
        found = self._known.get(records)
        if found is None:
            self.wrong(f"record {records}: was noted elsewhere and is not here")
        elif not found.startswith(beginning):
            self.wrong(f"record {records}: is not the one that was noted elsewhere")


# -- the command line ------------------------------------------------------------------------------


def _usage(reason: str) -> int:
    print(f"{reason}\n{(__doc__ or '').splitlines()[2].strip()}", file=sys.stderr)
    return 2


def _parse_noted(text: str) -> tuple[int, str]:
    number, _, beginning = text.lower().partition(":")
    if not number.isdigit() or not 16 <= len(beginning) <= 64 or set(beginning) - set("0123456789abcdef"):
        raise ValueError(text)
    return int(number), beginning


def main(arguments: Iterable[str]) -> int:
    """Verify one export and print the verdict; returns the exit status."""
    key_id, paths = "", list[str]()
    noted: tuple[int, str] | None = None
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word in ("--key-id", "--anchor") and rest:
            value = rest.pop(0)
            if word == "--key-id":
                key_id = value.lower()
                continue
            try:
                noted = _parse_noted(value)
            except ValueError:
                return _usage(f"--anchor {value} is not RECORDS:HASH")
        elif word.startswith("-"):
            return _usage(f"{word} is not known, or lacks its value")
        else:
            paths.append(word)
    if len(paths) != 1:
        return _usage("one export is wanted")
    check = Check(key_id, noted)
    check.run(paths[0])
    for problem in check.problems:
        print(f"WRONG  {problem}")
    if check.problems:
        print(f"不可信 NOT VERIFIED: {len(check.problems)} problems in {paths[0]}")
        return 1
    header = check.header
    print(f"terminal {header['terminal']}, exported {check.at}")
    print(f"{check.records} records, {check.anchors} anchors, newest {check.records}:{check.head.hex()[:16]}")
    print(
        f"audit key id {header['audit_key_id']}" + ("" if key_id else " (compare it with the one you noted)")
    )
    print("验证通过 VERIFIED")
    return 0


if __name__ == "__main__":
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))
