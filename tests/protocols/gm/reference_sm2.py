"""A second SM2, written from GB/T 32918.1, .2 and .5 with whole numbers only, to agree with the first.

Slow and not constant in time: for tests alone. It takes the nonce as an argument, so worked examples can be
recomputed to the byte.
"""

from protocols.gm.sm3 import sm3

P = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF
A = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC
B = 0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93
N = 0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123
G = (
    0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
    0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
)

Point = tuple[int, int] | None


def add(one: Point, other: Point) -> Point:
    """Add two points; None is the point at infinity."""
    if one is None:
        return other
    if other is None:
        return one
    if one[0] == other[0] and (one[1] + other[1]) % P == 0:
        return None
    if one == other:
        slope = (3 * one[0] * one[0] + A) * pow(2 * one[1], -1, P) % P
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P) % P
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def multiply(number: int, point: Point) -> Point:
    """Multiply a point by doubling and adding."""
    result: Point = None
    while number:
        if number & 1:
            result = add(result, point)
        point = add(point, point)
        number >>= 1
    return result


def public_point(d: int) -> bytes:
    """Return 04 || x || y of a private number."""
    point = multiply(d, G)
    assert point is not None
    return b"\x04" + _32(point[0]) + _32(point[1])


def z_value(point: bytes, signer_id: bytes) -> bytes:
    """Return Z, the digest of id, curve and public key (GB/T 32918.2, 5.5)."""
    length = (8 * len(signer_id)).to_bytes(2, "big")
    return sm3(length + signer_id + _32(A) + _32(B) + _32(G[0]) + _32(G[1]) + point[1:])


def sign(d: int, k: int, data: bytes, signer_id: bytes) -> bytes:
    """Return r || s for the nonce k (GB/T 32918.2, 6.1)."""
    e = _digest(public_point(d), data, signer_id)
    point = multiply(k, G)
    assert point is not None
    r = (e + point[0]) % N
    s = pow(1 + d, -1, N) * (k - r * d) % N
    assert r not in (0, N - k)
    assert s != 0
    return _32(r) + _32(s)


def verify(point: bytes, data: bytes, signature: bytes, signer_id: bytes) -> bool:
    """Verify r || s (GB/T 32918.2, 7.1)."""
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    t = (r + s) % N
    if not (1 <= r < N and 1 <= s < N and t):
        return False
    key = int.from_bytes(point[1:33], "big"), int.from_bytes(point[33:], "big")
    sum_point = add(multiply(s, G), multiply(t, key))
    return sum_point is not None and (_digest(point, data, signer_id) + sum_point[0]) % N == r


def _digest(point: bytes, data: bytes, signer_id: bytes) -> int:
    return int.from_bytes(sm3(z_value(point, signer_id) + data), "big")


def _32(number: int) -> bytes:
    return number.to_bytes(32, "big")
