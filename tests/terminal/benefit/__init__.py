"""Rows of the benefit policy in which the terminal has a duty, from the front desk to the paper."""
