"""Byte examples of receipt printers."""
