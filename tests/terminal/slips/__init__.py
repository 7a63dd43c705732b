"""Slips as documents, as bytes, on paper."""
