"""Reconciliation (对账): a day's books here against the hub's, and what to do about every difference.

`runner` compares a day; `own_books` has our side (made by the rules of `books`), `asking` the hub's; `compare` finds the
differences and their causes, `report` is what comes of it, `correcting` carries out what two people agree to, `daily` runs it
by itself; `clearing` adds a month up for the hub's clearing.
"""
