"""The commands' fixtures, for the canary that listens to real processes."""

from tests.yibao.cli.conftest import call

__all__ = ["call"]
