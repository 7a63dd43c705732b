"""Phones and the centre's terminal of a running simulated counter, through `SimClient` and through the commands."""

import asyncio
from pathlib import Path

import aiohttp
import msgspec
import pytest

from simulators.certificate_centre import QUERY_PATH
from tests.simulators.certificate_centre.asking import request
from yibao.cli.main import main
from yibao.simulated.control import SimClient
from yibao.simulated.endpoints import SimulationRefused
from yibao.simulated.folder import SimFolder
from yibao.simulated.running import simulated_counter


async def _ask(centre: str, body: bytes) -> int:
    """Ask the centre; its code."""
    async with aiohttp.ClientSession() as http, http.post(centre + QUERY_PATH, data=body) as answer:
        code: int = msgspec.json.decode(await answer.read())["code"]
        return code


async def test_phones_and_terminal_are_moved_through_the_client(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path / "sim")
    async with simulated_counter(folder, single_use_code=True) as up, SimClient(up.endpoints) as sim:
        centre = up.endpoints.certificate_centre
        assert (await sim.centre()).single_use_code
        body = request("ec.query", ecQrCode=await sim.phone_code("jia"))
        assert [await _ask(centre, body) for _ in range(2)] == [0, 990003]
        assert not (await sim.centre(single_use_code=False)).single_use_code
        await sim.terminal_scan(await sim.phone_code("yi"))
        assert await _ask(centre, request("cn.nhsa.qrcode.get")) == 0
        await sim.terminal_face("jia", "not_alive")
        assert await _ask(centre, request("cn.nhsa.ec.auth", outBizNo="1")) == 990012
        assert await sim.notices() == []
        with pytest.raises(SimulationRefused, match="smile"):
            await sim.terminal_face("jia", "smile")


async def test_the_commands_do_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = SimFolder(tmp_path / "sim")

    async def run(*words: str) -> str:
        """One command in a thread of its own, as it would run in a process; what it printed."""
        assert await asyncio.to_thread(main, [*words, "--dir", str(folder.path)]) == 0
        return capsys.readouterr().out

    async with simulated_counter(folder) as up:
        page = (await run("sim", "phone", "page", "测试壬")).strip()
        assert page == f"{up.endpoints.phone}#ren"
        async with aiohttp.ClientSession() as http, http.get(page) as answer:
            assert "医保电子凭证" in await answer.text()
        assert '"ACTIVATED"' in await run("sim", "phone", "state", "ren", "ACTIVATED", "--json")
        assert up.world.book.state(up.world.person("ren")) == "ACTIVATED"
        shown = await run("sim", "centre", "set", "--single-use-code", "--reply-shape", "text", "--json")
        assert msgspec.json.decode(shown) == {
            "single_use_code": True, "reply_shape": "text", "operator_len": 20, "scan_wait_s": 30.0,
        }  # fmt: skip
        assert "一码一用" in await run("sim", "centre", "set")
        await run("sim", "centre", "face", "jia", "--outcome", "mismatch")
        assert await _ask(up.endpoints.certificate_centre, request("cn.nhsa.ec.auth", outBizNo="1")) == 990011
        await run("sim", "centre", "scan", (await run("sim", "phone", "code", "jia")).strip())
        assert await _ask(up.endpoints.certificate_centre, request("cn.nhsa.qrcode.get")) == 0
        assert await run("sim", "centre", "notices", "--json") == "[]\n"
        told = request(
            "cn.nhsa.settle.notify", outBizNo="n", medicalSettleState="SUCCESS", totalFee="25.00", bizType="settle", idNo="1",
            userName="测试甲", setlTime="2026-11-21 10:00:00", hospitalName="x", medicalSettleNo="SETL1", ownAmt="1.00",
            balance="35.00", drugList="[]", hifAmt="4.00", acctAmt="20.00",
        )  # fmt: skip
        assert await _ask(up.endpoints.certificate_centre, told) == 0
        heads, _, row = (await run("sim", "centre", "notices")).splitlines()
        assert [word for word in heads.split() if not word.isascii()] == [
            "状态",
            "结算编号",
            "总额",
            "基金",
            "账户",
            "自付",
        ]
        assert row.split() == ["SUCCESS", "SETL1", "25.00", "4.00", "20.00", "1.00"]
        assert "测试甲" not in await run("sim", "centre", "notices", "--json")


async def test_the_phones_page_stays_at_its_address(tmp_path: Path) -> None:
    folder = SimFolder(tmp_path / "sim")
    found = []
    for _ in range(2):
        async with simulated_counter(folder) as up:
            found.append(up.endpoints.phone)
    assert found[0] == found[1]
    assert found[0].startswith("http://127.0.0.1:")
