"""What a person asks the hub beside any sale, through the local API: answered as text, refused in words."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from protocols.hub import wire
from protocols.hub.catalogue_files import FileFacts, file_facts
from protocols.hub.listings import NationalMappingQuery
from protocols.hub.profile import Profile
from protocols.hub.profile_reading import parse_profile
from protocols.hub.registers import DictionaryQuery
from terminal.journal.records import JournalFailed
from tests.profiles.switches import switch
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, Till, counter_config, virtual


async def counter_in(folder: Path, profile: Profile | None = None) -> tuple[Shop, Till, Api]:
    """A pharmacy's counter with its API."""
    shop = Shop(folder, profile=profile)
    till = await shop.start()
    return shop, till, Api(till, counter_config())


@virtual
async def test_the_own_institution_and_others_by_name(tmp_path: Path) -> None:
    _, till, api = await counter_in(tmp_path)
    own = await api.post("/hub/institutions")
    assert (own["infno"], [row["fixmedins_name"] for row in own["rows"]]) == ("1201", ["测试大药房一号店"])
    assert set(own["rows"][0]) == {"fixmedins_code", "fixmedins_name", "uscc", "fixmedins_type", "hosp_lv"}
    named = await api.post("/hub/institutions", {"name": "医院", "kind": "1"})
    assert len(named["rows"]) >= 2
    await till.stop()


@virtual
async def test_a_dictionary_as_of_today_or_another_day(tmp_path: Path) -> None:
    _, till, api = await counter_in(tmp_path)
    told = await api.post("/hub/dictionary", {"type": "gend"})
    assert {row["value"]: row["label"] for row in told["rows"]}["1"] == "男性"
    assert (await api.post("/hub/dictionary", {"type": "gend", "date": "2019-01-01"}))["rows"] == []
    wrong = await api.call("POST", "/hub/dictionary", {"type": "gend", "date": "21.11.2026"})
    assert (wrong.status_code, wrong.json()["code"]) == (422, "bad_request")
    await till.stop()


@virtual
async def test_a_page_of_each_catalogue(tmp_path: Path) -> None:
    _, till, api = await counter_in(tmp_path)
    asked = {
        "items": ("1312", {"code": "XTEST000000000000000D03"}, "chrgitm_lv", "01"),
        "ethnic": ("1304", {}, "med_list_codg", "TTEST000000000000D08"),
        "national": ("1316", {"own_code": "SKU0003"}, "hilist_code", "XTEST000000000000000D03"),
        "own": ("1317", {"national_code": "XTEST000000000000000D03"}, "medins_list_codg", "SKU0003"),
        "ceilings": ("1318", {"code": "XTEST000000000000000D03"}, "hilist_pric_uplmt_amt", "12.50"),
        "shares": ("1319", {"code": "XTEST000000000000000D03"}, "selfpay_prop", "0.0000"),
    }
    for name, (infno, wish, member, value) in asked.items():
        told = await api.post(f"/hub/catalogues/{name}", wish)
        assert (told["infno"], [row[member] for row in told["rows"]]) == (infno, [value]), name
    second = await api.post("/hub/catalogues/items", {"rows": 5, "page": 2})
    assert (len(second["rows"]), second["page"], second["pages"] > 2, second["records"] > 10) == (
        5,
        2,
        True,
        True,
    )
    await till.stop()


@virtual
async def test_a_catalogue_or_a_condition_that_is_not_known_is_refused_before_the_hub_is_asked(
    tmp_path: Path,
) -> None:
    _, till, api = await counter_in(tmp_path)
    newest = till.counter.hub.contact
    for path, wish in (
        ("drugs", {}),
        ("shares", {"own_code": "SKU0003"}),
        ("items", {"page": 0}),
        ("items", {"since": "yesterday"}),
    ):
        answer = await api.call("POST", f"/hub/catalogues/{path}", wish)
        assert answer.json()["code"] == "bad_request", (path, wish)
    assert till.counter.hub.contact is newest
    await till.stop()


@virtual
async def test_a_catalogue_file_comes_as_the_hub_packs_it(tmp_path: Path) -> None:
    shop, till, api = await counter_in(tmp_path)
    answer = await api.call("POST", "/hub/catalogue_files/1305", {})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/zip")
    assert file_facts("1305", answer.content) == FileFacts(6, "v0001")
    newer = await api.call("POST", "/hub/catalogue_files/1305", {"since": "v0001"})
    assert file_facts("1305", newer.content) == FileFacts(0, "")
    unknown = await api.call("POST", "/hub/catalogue_files/9999", {})
    assert unknown.json()["code"] == "bad_request"
    for fault, code in (("lose-answer", "hub_silent_question"), ("html", "hub_not_understood")):
        shop.arm(fault, "9102")
        refused = await api.call("POST", "/hub/catalogue_files/1305", {})
        assert refused.json()["code"] == code
    await till.stop()


@virtual
async def test_what_the_hub_refuses_is_told_in_its_own_words(tmp_path: Path) -> None:
    _, till, api = await counter_in(tmp_path)
    refused: Any = (await api.call("POST", "/hub/dictionary", {"type": "x" * 31})).json()
    assert refused["code"] == "hub_refused_question"
    assert "data.type" in refused["en"]
    await till.stop()


@virtual
async def test_a_silent_hub_and_a_forger_are_told_apart_and_nothing_is_believed(tmp_path: Path) -> None:
    shop, till, api = await counter_in(tmp_path)
    for fault, code in (("lose-answer", "hub_silent_question"), ("bad-signature", "hub_not_understood")):
        shop.arm(fault, "1201")
        assert (await api.call("POST", "/hub/institutions", {})).json()["code"] == code
    assert (await api.post("/hub/institutions"))["rows"]
    await till.stop()


@virtual
async def test_a_sign_in_that_the_hub_has_forgotten_is_made_again(tmp_path: Path) -> None:
    shop, till, api = await counter_in(tmp_path)
    shop.world.ledger.remove_sign_ins()
    assert (await api.post("/hub/institutions"))["rows"]
    await till.stop()


@virtual
async def test_a_name_longer_than_this_hub_takes_it_is_told_and_not_sent(tmp_path: Path) -> None:
    profile = parse_profile('[limits]\ncheck_printed = ["fixmedins_name", "file_qury_no"]', "x.toml")
    shop, till, api = await counter_in(tmp_path, profile)
    sent = len(shop.world.ledger.messages())
    refused = await api.call("POST", "/hub/institutions", {"name": "店" * 21})
    assert (refused.status_code, refused.json()["code"]) == (422, "field_too_long")
    assert len(shop.world.ledger.messages()) == sent
    await till.stop()


@pytest.mark.parametrize(
    "path", ["/hub/institutions", "/hub/catalogue_files/1305", "/hub/ping", "/reconciliation/2026-11-23"]
)
@virtual
async def test_a_question_that_finds_the_journal_broken_says_so_and_stops_the_counter(
    path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its message id is reserved there. A process that went on selling would find out with a sale in its hands."""
    _, till, api = await counter_in(tmp_path)
    await till.wait(60)
    till.counter.session.expire(till.counter.hub.sign_in_no)
    right = till.journal.reserve_message_numbers

    def full(until: dt.datetime) -> dt.datetime:
        till.journal.store.fail("FullError")
        return right(until)

    monkeypatch.setattr(till.journal, "reserve_message_numbers", full)
    refused = await api.call("POST", path, {})
    assert (refused.status_code, refused.json().get("code")) == (503, "journal_failed")
    assert isinstance(await till.ended(), JournalFailed)
    await till.kill()


@switch("form.own_code_1316", "medins_list_codg", "med_list_codg")
def test_the_other_name_of_the_own_code_in_1316_is_a_switch() -> None:
    other = parse_profile('[form]\nown_code_1316 = "med_list_codg"', "x.toml")
    query = NationalMappingQuery(updated_since="2000-01-01", page=1, page_size=10)
    assert b'"med_list_codg":"SKU"' in wire.encode(query.spelled(other, "SKU"))
    assert b'"medins_list_codg":"SKU"' in wire.encode(query.spelled(Profile(name="national"), "SKU"))


@switch("form.dict_query", "snake", "camel")
def test_the_other_spelling_of_the_dictionary_question_is_a_switch() -> None:
    usual = wire.encode(DictionaryQuery.asking(Profile(name="national"), "gend", "0", "999900", "2026-11-21"))
    assert b'"parent_value":"0"' in usual
    camel = parse_profile('[form]\ndict_query = "camel"', "x.toml")
    written = wire.encode(DictionaryQuery.asking(camel, "gend", "0", "999900", "2026-11-21"))
    assert written == (
        b'{"type":"gend","parentValue":"0","admdvs":"999900","date":"2026-11-21","valiFlag":"1"}'
    )
