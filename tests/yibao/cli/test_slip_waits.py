"""A sale whose slip waits for the printer says so: "settled" alone lets a cashier look for paper that does not come."""

from pathlib import Path

import msgspec
import pytest

from terminal.config import PrinterConfig
from tests.terminal.harness import PILLS, Shop, counter_config, virtual
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.direct_client import DirectClient
from yibao.cli.dialogue import Order, sell


@virtual
@pytest.mark.parametrize(
    ("problem", "zh", "en"),
    [(None, "", ""), ("paper_out", "缺纸", "out of paper"), ("cover_open", "机盖打开", "cover is open")],
)
async def test_what_keeps_the_slip_is_said_once(
    problem: str | None, zh: str, en: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    config = msgspec.structs.replace(counter_config(), printer=PrinterConfig("/dev/none"))
    client = DirectClient(till, config)
    shop.printer.problem = problem
    for number in ("1", "2"):
        order = Order(
            lines=(PILLS,), code=shop.code("jia" if number == "1" else "yi"), number=number, confirmed=True, follow_s=0.0,
            interactive=False,
        )  # fmt: skip
        capsys.readouterr()
        assert await sell(client, order, as_json=False) == 0
        out = capsys.readouterr().out
        assert out.count("as soon as the printer is ready") == (problem is not None), out
        assert (zh in out, en in out) == (True, True)
    shop.printer.problem = None
    await till.quiet()
    await till.stop()


def test_a_sale_without_paper_says_that_its_slip_waits(call: Call, place: Path) -> None:
    call(place, "sim", "printer", "paper-out")
    try:
        code = call(place, "sim", "phone", "code", "jia").stdout.strip()
        sold = call(place, "sale", "--item", "6901234567892", "--code", code, "--yes")
    finally:
        call(place, "sim", "printer", "load")
    assert (sold.returncode, "缺纸" in sold.stdout) == (0, True), sold.stdout
