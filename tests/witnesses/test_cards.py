"""Programs we did not write see and read the simulated card through a real pcscd: opensc-tool and pcsc_scan.

The second PC/SC client that holds or resets the card stands with the driver's tests.
"""

import asyncio
import os

import pytest

from simulators.cards import CardMachine
from simulators.reader import PcscdInstance, VpcdSlot
from tests.pcscd import pcscd, pcscd_parts, slot, stopped_pcscd
from tests.protocols.cards.helpers import persona_image
from tests.real_parts import require_real
from tests.vectors.cards.load import vector

__all__ = ["pcscd", "pcscd_parts", "slot", "stopped_pcscd"]


async def run(instance: PcscdInstance, program: str, *arguments: str) -> str:
    """Run a client of this pcscd and return what it says."""
    process = await asyncio.create_subprocess_exec(
        require_real(program),
        *arguments,
        env=os.environ | instance.environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(10):
        said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()
    return said.decode()


@pytest.fixture
async def card(pcscd: PcscdInstance, slot: VpcdSlot) -> CardMachine:
    """The 3.x card of 测试甲 in the first slot, seen by the service."""
    machine = CardMachine(persona_image("jia"))
    await slot.insert(machine)
    await pcscd.card_seen(0, machine.atr)
    return machine


async def test_opensc_lists_both_readers_and_the_card(pcscd: PcscdInstance, card: CardMachine) -> None:
    lines = [line.split() for line in (await run(pcscd, "opensc-tool", "--list-readers")).splitlines()[2:]]
    assert [(line[0], line[1], " ".join(line[2:])) for line in lines] == [
        ("0", "Yes", "Virtual PCD 00 00"),
        ("1", "No", "Virtual PCD 00 01"),
    ]


async def test_opensc_reads_the_atr_and_the_card_number(pcscd: PcscdInstance, card: CardMachine) -> None:
    said = await run(pcscd, "opensc-tool", "--reader", "0", "--atr")
    assert bytes.fromhex(said.strip().replace(":", "")) == vector("atr_contact")
    said = await run(
        *(pcscd, "opensc-tool", "--reader", "0", "--card-driver", "default"),
        *("--send-apdu", "00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "--send-apdu", "00B2072C0B"),
    )
    assert "07 09 54 30 30 30 30 30 30 31 58" in said
    assert said.count("SW1=0x90, SW2=0x00") == 2


async def test_pcsc_scan_sees_the_card_come_and_go(
    pcscd: PcscdInstance, card: CardMachine, slot: VpcdSlot
) -> None:
    assert (await run(pcscd, "pcsc_scan", "-r")).splitlines() == [
        "0: Virtual PCD 00 00",
        "1: Virtual PCD 00 01",
    ]
    there = await run(pcscd, "pcsc_scan", "-n", "-c")
    assert "Card state: Card inserted" in there
    assert "ATR: 3B 6D 00 00 00 81 54 45 53 86 60 99 99 00 00 00 01" in there
    await slot.remove()
    await pcscd.card_seen(0, b"")
    assert "Card inserted" not in await run(pcscd, "pcsc_scan", "-n", "-c")
