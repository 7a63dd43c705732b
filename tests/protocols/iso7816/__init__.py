"""Tests of the ISO 7816 values."""
