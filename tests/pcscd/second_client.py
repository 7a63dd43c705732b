"""Another program at the same reader, as a process of its own: holds the card or resets it, on commands from stdin.

`lock` begins a transaction, `exclusive` connects for itself alone, `free` gives both back, `reset` resets the card.
Each is answered with one line.
"""

import sys

import smartcard.scard as scard


def main(reader: str) -> None:
    """Obey until stdin ends."""
    _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    handle = 0
    for line in sys.stdin:
        word = line.strip()
        if word == "free":
            scard.SCardEndTransaction(handle, scard.SCARD_LEAVE_CARD)
            code = scard.SCardDisconnect(handle, scard.SCARD_LEAVE_CARD)
        else:
            share = scard.SCARD_SHARE_EXCLUSIVE if word == "exclusive" else scard.SCARD_SHARE_SHARED
            code, handle, _ = scard.SCardConnect(context, reader, share, scard.SCARD_PROTOCOL_T0)
        if word == "lock":
            code = scard.SCardBeginTransaction(handle)
        if word == "reset":
            code = scard.SCardDisconnect(handle, scard.SCARD_RESET_CARD)
        sys.stdout.write(f"{word} {code:08X}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
