"""Vectors of gateways and of the encrypted payload, each with its origin."""
