"""What the desk is told before the person agrees: filing, approval, standard, enrolments."""

from pathlib import Path

import pytest

from terminal.core.events import Misuse
from terminal.core.hints import hints
from terminal.counter.wishes import SaleWish
from tests.terminal.benefit.desk import COLD, line, somebody
from tests.terminal.benefit.paper import flat
from tests.terminal.clinic.clinic import Clinic, Window, window_config
from tests.terminal.harness import Shop, virtual

FILED = """[enrolment.filing]
kind = "long_term"
begin = 2026-01-01
"""
LABORATORY = (line("TTEST000000000000S02", "检验组套", "52.00", "10"),)


@virtual
async def test_r02_r10_p52_unfiled_care_says_its_ratio_and_what_a_filing_would_make_of_it(
    tmp_path: Path,
) -> None:
    """Before the person agrees, on the screen; and on the slip. Filed care of the next person says nothing of it."""
    unfiled, filed = somebody(221, "979900", "310"), somebody(222, "979900", "310", more=FILED)
    clinic = Clinic(tmp_path, institution="H99990000004", more_people=[unfiled, filed])
    window = await clinic.window()
    shown = []
    for number, person in enumerate((unfiled, filed), start=1):
        sale = SaleWish(str(number), LABORATORY, flow="clinic_visit", benefit="ordinary", use_account=False)
        opened = await window.counter.sales.open(sale, "front desk", "")
        known = await window.type_number(opened, person.slug)
        quoted = await window.pick(known, COLD)
        assert quoted.quote is not None
        (row,) = quoted.quote.funds
        assert hints(quoted)[0].code == "hint_elsewhere", "R02"
        shown.append((quoted.quote.info.pooled_ratio, row.working))
        await window.confirm(quoted)
    (low, told), (high, silent) = shown
    assert low is not None
    assert high is not None
    assert low < high
    assert f"未备案：支付比例{int(low) // 100}" in told
    assert f"备案为{int(high) // 100}" in told
    assert "备案" not in silent
    await window.rest()
    papers = [flat(text) for text in clinic.printer.texts()]
    assert ["未备案" in paper for paper in papers] == [True, False]
    assert all("目录按就医地，待遇按参保地" in paper for paper in papers), "R09"
    await window.finish()


@virtual
async def test_r54_a_negotiated_drug_without_approval_is_pointed_out_before_the_person_agrees(
    tmp_path: Path,
) -> None:
    """P62: wholly self-paid; and a pharmacy that is no dual-channel one does not ask for that benefit at all."""
    clinic = Clinic(tmp_path, institution="P99990000003")
    window = Window(clinic, await clinic.start(config=window_config(clinic.institution)))
    drug = line("XTEST000000000000000D09", "测试靶向药片", "4680.00", "1")
    opened = await window.counter.sales.open(SaleWish("1", (drug,), benefit="dual_channel"), "till", "")
    quoted = await window.type_number(opened, "jia")
    assert quoted.quote is not None
    assert quoted.quote.split.fund_fen == 0
    assert [hint.code for hint in hints(quoted)][:1] == ["hint_no_approval"]
    assert [told["druginfo"]["med_type"] for told in clinic.hub_link.inputs("2101")] == ["9904"]
    await window.abandon(quoted)
    await window.finish()
    (tmp_path / "other").mkdir()
    till = await Shop(tmp_path / "other").start()
    with pytest.raises(Misuse) as refused:
        await till.counter.sales.open(SaleWish("1", (drug,), benefit="dual_channel"), "till", "")
    assert refused.value.code == "not_dual_channel"
    await till.stop()


@virtual
async def test_r54_p60_with_an_approval_the_pool_pays_and_nothing_is_pointed_out(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path, institution="P99990000003")
    window = Window(clinic, await clinic.start(config=window_config(clinic.institution)))
    person = clinic.world.person("teyao")
    code = person.approval[0].code
    drug = line(code, "谈判药", "1199.00", "1")
    opened = await window.counter.sales.open(SaleWish("1", (drug,), benefit="dual_channel"), "till", "")
    settled = await window.confirm(await window.type_number(opened, "teyao"))
    assert settled.booking is not None
    assert settled.booking.split.fund_fen > 0
    assert "hint_no_approval" not in [hint.code for hint in hints(settled)]
    await window.rest()
    assert "待遇：双通道" in flat(clinic.printer.texts()[0])
    await window.finish()
