"""Pure protocol code: bytes to values and back, state tables, money. No input/output, clock or randomness."""
