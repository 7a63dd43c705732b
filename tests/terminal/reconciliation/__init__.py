"""Reconciliation: every kind of difference, produced for real."""
