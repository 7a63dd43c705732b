"""Tests of the running counter: engine, gate, retries, paper, over in-memory links and virtual time."""
