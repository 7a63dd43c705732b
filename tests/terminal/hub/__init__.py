"""Tests of how the terminal speaks to the hub and to the certificate centre."""
