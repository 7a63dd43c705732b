"""Tests of what is shipped for servers."""
