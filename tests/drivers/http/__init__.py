"""Tests of HTTP to the servers behind the counter."""
