"""Codes as scanners deliver them: bytes to lines (`assembler`), lines to meanings (`classifier`)."""
