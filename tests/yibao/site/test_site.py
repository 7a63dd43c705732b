"""Parts of a run of the whole site: outages that overlap, and a fault of the road that counts only when it fired."""

import asyncio
from pathlib import Path

import pytest

from protocols.hub.envelope import encode_request
from tests.simulators.hub.counter import Counter
from yibao.site.road import HubRoad
from yibao.site.site import REAL_KEYS_EVERY, Site
from yibao.site.twins import Twin
from yibao.site.virtual_loop import run_virtual

pytestmark = pytest.mark.blocking_allowed(
    "virtual time: the disk is called in line, and nobody is kept waiting"
)


def road_of(site: Site) -> HubRoad:
    """The first machine's way to the hub."""
    road = site.machines[0].road
    assert isinstance(road, HubRoad)
    return road


def test_the_hub_is_down_until_the_longest_of_its_outages_is_over(tmp_path: Path) -> None:
    async def life() -> tuple[bool, bool, list[float]]:
        site = Site(1, tmp_path, Twin())
        outages = asyncio.gather(site.trouble.outage(0.0, 3600.0), site.trouble.outage(600.0, 60.0))
        await asyncio.sleep(1200.0)
        meanwhile = road_of(site).down
        await outages
        return meanwhile, road_of(site).down, site.trouble.ups

    assert run_virtual(life) == (True, False, [3600.0])


def test_not_found_counts_as_a_fault_where_the_hub_was_not_asked(tmp_path: Path) -> None:
    """It meets a 2601 once; asked again, the hub itself answers, and nothing has fired."""

    async def life() -> dict[str, int]:
        site = Site(REAL_KEYS_EVERY - 1, tmp_path, Twin())
        till = Counter(site.world, "P99990000001")
        data = {"psn_no": site.world.people[0].psn_no, "omsgid": till.next_msgid(), "oinfno": "2102"}
        for _ in range(2):
            request = till.request("2601", {"data": data}, "999900")
            await road_of(site)._travel("not-found-reversal", request, encode_request(request), 30.0)
        return site.fired

    assert run_virtual(life) == {"not-found-reversal 2601": 1}
