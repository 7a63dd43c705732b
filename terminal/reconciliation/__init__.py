"""Reconciliation (对账): a day's books here against the hub's, and what to do about every difference."""
