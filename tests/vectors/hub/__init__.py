"""Worked messages of the hub interface; see the ORIGIN file."""
