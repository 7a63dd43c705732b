"""Code scanners on serial lines, one module per command family."""
