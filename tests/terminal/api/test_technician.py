"""What the technician asks the running counter: masked unless asked otherwise, harmless to the sale beside it."""

from pathlib import Path
from typing import Any

import msgspec

from drivers.interfaces.reach import Reached
from simulators.cards import CardMachine, image_for
from simulators.people import Person
from simulators.reader import InProcessReader
from terminal.config import PrinterConfig, ReaderConfig
from tests.terminal.api.calling import Api
from tests.terminal.harness import Shop, Till, counter_config, virtual

READ = ("00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "00B2012D40")


async def counter_with(folder: Path, slug: str = "yi") -> tuple[Shop, Till, Api, InProcessReader]:
    """A pharmacy's counter with somebody's card in its reader."""
    shop, reader = Shop(folder), InProcessReader()
    reader.insert(CardMachine(image_for(shop.world.person(slug))))
    till = await shop.start(reader=reader)
    return shop, till, Api(till, counter_config()), reader


def numbers_of(person: Person) -> tuple[str, ...]:
    """Everything on the card that is masked."""
    assert person.card is not None
    return person.name, person.certno, person.card.number, person.card.identification_code


@virtual
async def test_a_card_is_shown_masked(tmp_path: Path) -> None:
    _, till, api, _ = await counter_with(tmp_path)
    shown = await api.post("/card/read")
    assert shown | {"read_ms": 0} == {
        "masked": True, "card_number": "T******28", "card_sn": "999999" + "*" * 26, "name": "测*",
        "certno": "999***********0043", "version": "2.00", "generation": 2, "issuing_area": "999999", "category": "3",
        "issued": shown["issued"], "valid_until": shown["valid_until"], "sex": "2", "born": "1970****",
        "algorithm": "3DES", "holder_protected": False, "unreadable": [], "read_ms": 0,
    }  # fmt: skip
    assert "card_shown_in_full" not in str(till.audit())
    await till.stop()


@virtual
async def test_a_card_is_shown_in_full_to_who_asks_and_the_journal_notes_who(tmp_path: Path) -> None:
    shop, till, api, _ = await counter_with(tmp_path)
    shown = await api.post("/card/read", {"full": True})
    name, certno, number, code = numbers_of(shop.world.person("yi"))
    assert (shown["name"], shown["certno"], shown["card_number"], shown["card_sn"]) == (
        name,
        certno,
        number,
        code,
    )
    assert (shown["masked"], shown["born"]) == (False, "19700615")
    assert {"action": "card_shown_in_full", "actor": "test"}.items() <= till.audit()[-1].items()
    await till.stop()


@virtual
async def test_a_protected_card_shows_what_is_free(tmp_path: Path) -> None:
    _, till, api, _ = await counter_with(tmp_path, "jia")
    shown = await api.post("/card/read")
    assert (shown["generation"], shown["holder_protected"]) == (3, True)
    assert (shown["name"], shown["certno"], shown["born"]) == ("", "", "")
    await till.stop()


@virtual
async def test_without_a_card_the_words_say_what_to_do(tmp_path: Path) -> None:
    _, till, api, reader = await counter_with(tmp_path)
    reader.remove()
    answer = await api.call("POST", "/card/read", {})
    assert answer.status_code == 422
    assert answer.json()["code"] == "card_no_card"
    await till.stop()


@virtual
async def test_apdus_are_answered_masked_and_in_full(tmp_path: Path) -> None:
    shop, till, api, _ = await counter_with(tmp_path)
    masked = await api.post("/card/apdu", {"commands": READ})
    assert masked[0]["command"] == "00 A4 04 00 Lc 0F <15 bytes>"
    assert masked[1] == {
        "command": "00 B2 01 2D Le 40", "response": masked[1]["response"], "sw": "9000", "meaning": "9000 (done)",
    }  # fmt: skip
    assert masked[1]["response"].startswith("<")
    full = await api.post("/card/apdu", {"commands": READ, "full": True})
    number = numbers_of(shop.world.person("yi"))[2]
    assert number.encode().hex(" ").upper() in full[1]["response"]
    assert number.encode().hex(" ").upper() not in str(masked)
    assert till.audit()[-1]["action"] == "apdu_shown_in_full"
    await till.stop()


@virtual
async def test_a_pin_command_is_refused_in_words(tmp_path: Path) -> None:
    _, till, api, _ = await counter_with(tmp_path)
    answer = await api.call("POST", "/card/apdu", {"commands": ["0020000003123456"]})
    assert answer.status_code == 422
    problem = answer.json()
    assert (problem["code"], "20" in problem["en"], "123456" in answer.text) == ("apdu_pin", True, False)
    await till.stop()


@virtual
async def test_a_ping_tells_the_line_and_the_newest_signed_answer_and_signs_in_only_once(
    tmp_path: Path,
) -> None:
    shop, till, api, _ = await counter_with(tmp_path)
    signed_in = till.counter.hub.contact
    await till.wait(5.0)
    told = await api.post("/hub/ping")
    assert api.reached == [("http://127.0.0.1:1", shop.profile.hub.path)]
    assert (told["line"]["connect_ms"], told["line"]["status"]) == (0.1, 405)
    hub = told["hub"]
    assert (hub["sign_in"], hub["verified"], hub["verified_age_s"]) == ("signed_in", "9001", 5.0)
    assert (hub["clock_offset_ms"], told["asked_now"]) == (0, False)
    assert till.counter.hub.contact is signed_in, "a look must not end the sign-in that sales use"
    await till.stop()


@virtual
async def test_a_ping_after_midnight_makes_the_sign_in_that_the_next_sale_would_make(tmp_path: Path) -> None:
    shop, till, api, _ = await counter_with(tmp_path)
    await till.wait(86_400)
    shop.arm("delay 0.75", "9001")
    told = await api.post("/hub/ping")
    assert told["asked_now"]
    assert (told["hub"]["answer_ms"], told["hub"]["verified_age_s"]) == (750.0, 0.0)
    await till.stop()


@virtual
async def test_a_hub_that_is_not_reached_is_not_asked(tmp_path: Path) -> None:
    _, till, api, _ = await counter_with(tmp_path)
    await till.wait(86_400)
    api.line = Reached("127.0.0.1:1", reason="refused")
    told = await api.post("/hub/ping")
    assert (told["line"]["reason"], told["asked_now"]) == ("refused", False)
    await till.stop()


@virtual
async def test_health_tells_everything_the_service_owns(tmp_path: Path) -> None:
    shop, reader = Shop(tmp_path), InProcessReader("R 00")
    till = await shop.start(reader=reader)
    config = msgspec.structs.replace(
        counter_config(), printer=PrinterConfig(url="/dev/none"), reader=ReaderConfig("R")
    )
    api = Api(till, config)
    shop.printer.problem = "paper_out"
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 9)
    await till.settle()
    await till.wait(180.0)
    health: dict[str, Any] = await api.get("/health")
    assert health["status"]["phase"] == "ready"
    assert health["doubts"] == {
        "under_2_min": 0, "under_1_h": 1, "under_24_h": 0, "over_24_h": 0, "oldest_s": health["doubts"]["oldest_s"],
    }  # fmt: skip
    assert 175 <= health["doubts"]["oldest_s"] <= 185
    assert health["printer_problem"] == "paper_out"
    assert health["hub"]["sign_in"] == "signed_in"
    assert health["reader"]["problem"] == "no_binding"
    assert {device["name"] for device in health["status"]["devices"]} >= {
        "reader",
        "scanner",
        "printer",
        "broker",
    }
    await till.stop()


@virtual
async def test_health_answers_before_there_is_a_counter(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    api = Api(till, counter_config())
    api.service.counter = None
    health = await api.get("/health")
    assert (health["hub"], health["doubts"], health["printer_problem"], health["slips_waiting"]) == (
        None,
    ) * 4
    assert (await api.post("/hub/ping"))["code"] == "not_ready"
    await till.stop()


@virtual
async def test_the_medium_is_one_of_three(tmp_path: Path) -> None:
    _, till, api, _ = await counter_with(tmp_path)
    sale = await api.post("/sales", {"sale_number": "1"}, Idempotency_Key="k")
    answer = await api.call("POST", f"/sales/{sale['id']}/medium", {"card": True, "identity_number": "1"})
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] == "bad_request"
    given = await api.post(f"/sales/{sale['id']}/medium", {"card": True})
    assert given["person"]["name"] == "测*"
    await till.stop()
