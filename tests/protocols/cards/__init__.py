"""Tests of the card files and the read dialogue."""
