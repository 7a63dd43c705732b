"""Vectors: byte examples with their origin."""
