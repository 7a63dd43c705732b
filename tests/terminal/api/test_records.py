"""What the hub keeps of a sale and its person, asked through the sale: no number is typed, none is told."""

from pathlib import Path

from tests.terminal.api.calling import Api
from tests.terminal.clinic.clinic import Clinic, window_config
from tests.terminal.harness import Shop, counter_config, virtual


@virtual
async def test_the_records_of_a_settled_visit_are_told_without_the_person(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    window = await clinic.window()
    api = Api(window.till, window_config(clinic.institution))
    settled = await window.confirm(await window.priced())
    told = {
        name: await api.post(f"/sales/{settled.id}/records/{name}")
        for name in ("diagnoses", "lines", "drugs", "totals", "institutions", "items")
    }
    assert [told[name]["infno"] for name in told] == ["5202", "5204", "5205", "5206", "5302", "100001"]
    (diagnosis,) = told["diagnoses"]["rows"]
    assert (diagnosis["diag_code"], diagnosis["dise_dor_name"]) == ("E11.900", "测试医师")
    assert [row["det_item_fee_sumamt"] for row in told["lines"]["rows"]] == ["389.68", "50.00", "10.00"]
    assert [row["cnt"] for row in told["drugs"]["rows"]] == ["8.00", "4.00"]
    assert {row["cum_type_code"]: row["cum"] for row in told["totals"]["rows"]}["pool_chr"] == "365.67"
    assert [row["fixmedins_code"] for row in told["institutions"]["rows"]] == ["H99990000002"]
    assert [row["fundPayAmt"] for row in told["items"]["rows"]] == ["365.67", "50.00"]
    yi = clinic.world.person("yi")
    for secret in (yi.psn_no, yi.certno, yi.name):
        assert secret not in str(told)
    noted = [entry for entry in window.till.audit() if entry["action"] == "records_asked"]
    assert [entry["actor"] for entry in noted] == ["test"] * 6
    await window.till.stop()


@virtual
async def test_before_there_is_a_person_or_a_record_nobody_is_asked(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    opened = await till.open()
    newest = till.counter.hub.contact
    path = f"/sales/{opened.id}/records"
    for name, code in (("totals", "no_medium"), ("lines", "no_medium"), ("secrets", "bad_request")):
        assert (await api.call("POST", f"{path}/{name}", {})).json()["code"] == code
    assert till.counter.hub.contact is newest
    priced = await till.quote("0002")
    answer = await api.call("POST", f"/sales/{priced.id}/records/lines", {})
    assert answer.json()["code"] == "nothing_at_hub"
    assert (await api.post(f"/sales/{priced.id}/records/totals"))["rows"]
    await till.stop()
