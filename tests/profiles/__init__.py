"""Province profiles: every switch, on the wire and in the books."""
