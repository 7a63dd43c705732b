"""A TCP proxy that spoils what passes through it, on order or by chance: for real sockets, with and without TLS."""
