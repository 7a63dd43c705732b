"""A simulated code scanner."""

from simulators.scanner.scanner import SimulatedScanner

__all__ = ["SimulatedScanner"]
