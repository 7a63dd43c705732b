"""Worked messages of the e-certificate centre; see the ORIGIN file."""
