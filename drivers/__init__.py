"""Input/output: runs the protocols over real things (serial lines, readers, sockets). Knows no settlement."""
