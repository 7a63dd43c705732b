"""These tests run on a pcscd of their own."""

from tests.pcscd import pcscd, pcscd_parts, slot, stopped_pcscd

__all__ = ["pcscd", "pcscd_parts", "slot", "stopped_pcscd"]
