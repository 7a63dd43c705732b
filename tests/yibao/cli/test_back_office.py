"""`yibao sim hub report`, `quotes` and `credit` over a running simulated hub, with a sale in its books."""

import asyncio
import datetime as dt
from pathlib import Path
from typing import Any

import msgspec
import pytest

from protocols.wire_time import WIRE_ZONE
from simulators.hub.reports.parameters import shipped_text
from tests.simulators.hub.counter import Counter, purchase
from yibao.cli.main import main
from yibao.simulated.folder import SimFolder
from yibao.simulated.running import simulated_counter

REFUSED = (
    (("report", "wages"), 1, "no report 'wages'; there are areas"),
    (("report", "feed"), 1, "no approval in force for the purpose ''"),
    (("report", "areas", "--since", "tomorrow"), 2, "tomorrow"),
    (("report", "areas", "--parameters", "nowhere.toml"), 2, "nowhere.toml: No such file or directory"),
    (("report", "heads", "--parameters", "WRONG"), 1, "wrong.toml: heads.price: must be an amount"),
    (("feed", "WRONG"), 1, "wrong.toml: "),
    (("credit", "jia", "--base", "a lot"), 1, "credit: base: must be an amount in yuan"),
    (("credit", "nobody", "--base", "1.00"), 1, "nobody"),
    (("credit", "bing", "--base", "1.00"), 1, "bing has no personal account"),
)


@pytest.mark.blocking_allowed("the test itself writes the files that the commands read")
async def test_what_the_hubs_own_desk_gives_and_refuses(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = SimFolder(tmp_path / "sim")

    async def run(*words: str) -> tuple[int, str, str]:
        """One command in a thread of its own, as it would run in a process."""
        code = await asyncio.to_thread(main, ["sim", "hub", *words, "--dir", str(folder.path)])
        return code, *capsys.readouterr()

    async def told(*words: str) -> Any:
        code, out, err = await run(*words, "--json")
        assert code == 0, err
        return msgspec.json.decode(out)

    async with simulated_counter(folder, record_quotes=5) as up:
        till = Counter(up.world, "P99990000001")
        till.now = dt.datetime.now(WIRE_ZONE)
        till.sign_in()
        jia = up.world.person("jia")
        sold = till.ask("2102", purchase(till, jia, till.token(jia)), "999900")
        assert sold.setlinfo["medfee_sumamt"] == "83.30"

        assert till.ask("2101", purchase(till, jia, till.token(jia)), "999900").infcode == 0
        quotes = tmp_path / "quotes.json"
        assert await told("quotes", str(quotes)) == {"file": str(quotes), "quotes": 1}
        assert (await run("quotes", str(quotes)))[0] == 1, "a file that is there is left alone"
        assert await asyncio.to_thread(main, ["rehearse", str(quotes), "--profile", "national"]) == 0
        assert "1 quotes calculated" in capsys.readouterr().out

        (row,) = (await told("report", "areas"))["rows"]
        assert (row["group"], row["care"], row["settlements"], row["total_fen"], row["account_fen"]) == (
            "省内 inside the province", "999900 测试市", 1, 8330, 6000,
        )  # fmt: skip
        _, shown, _ = await run("report", "areas")
        assert shown.startswith("异地与本地结算 Local and cross-province\n")
        assert "83.30" in shown
        assert (await told("report", "areas", "--until", "2020-01-01"))["rows"] == []
        _, shown, _ = await run("report", "inpatient")
        assert "71.62%" in shown

        mine = tmp_path / "mine.toml"
        mine.write_text(shipped_text().replace('own = "350.00"', 'own = "380.00"', 1), encoding="utf-8")
        found = await told("report", "contributions", "--parameters", str(mine))
        assert found["rows"][0]["amount_fen"] == 38_000
        assert (await told("report", "feed", "--purpose", "civil-affairs"))["rows"][0]["total_fen"] == 8330

        change = tmp_path / "feed.toml"
        change.write_text('[[change]]\nperson = "yi"\nethnic_group = "02"\n', encoding="utf-8")
        assert await told("feed", str(change)) == {"changes": 1, "births": 0}
        assert "1 changes, 0 births" in (await run("feed", str(change)))[1]

        credit = ("credit", "yi", "--base", "4800.00", "--date", "2026-11-10")
        first, again = await told(*credit), await told(*credit)
        assert first == {"credited_fen": 9600, "balance_fen": 14_600}
        assert again == {"credited_fen": 0, "balance_fen": 14_600}
        assert "146.00" in (await run(*credit))[1]

        wrong = tmp_path / "wrong.toml"
        wrong.write_text(shipped_text().replace('price = "60.00"', "price = 60"), encoding="utf-8")
        for words, code, said in REFUSED:
            got, _, err = await run(*(str(wrong) if word == "WRONG" else word for word in words))
            assert (got, said in err, "Traceback" in err) == (code, True, False), err
