"""Tests of the PC/SC driver."""
