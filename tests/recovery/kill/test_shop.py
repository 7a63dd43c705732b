"""The far ends round a victim."""

from pathlib import Path

import pytest

from simulators.held_port import bound
from tests.recovery.kill.shop import Nursery, Shop

pytestmark = pytest.mark.blocking_allowed("the shop writes the files of its counter")


async def test_a_hub_that_is_down_comes_back_on_its_port_whatever_goes_out_meanwhile(tmp_path: Path) -> None:
    """Once in a while a connection of another test was given the port, and the hub could not come back."""
    async with Shop.open(tmp_path, Nursery()) as shop:
        port = shop.hub_port
        await shop.hub_down()
        with pytest.raises(OSError, match="in use"):
            bound("127.0.0.1", port, lingering=False)
        await shop.hub_up()
        assert (shop.is_hub_up, shop.hub_port) == (True, port)
