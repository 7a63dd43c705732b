"""Signers, verifiers and the key folder."""
