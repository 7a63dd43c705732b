"""The Chinese commercial ciphers."""
