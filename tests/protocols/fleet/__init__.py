"""Tests of the fleet channel's payloads and topics."""
