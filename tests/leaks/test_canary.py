"""Whatever happens at the counter, nothing that names a person leaves it but to hub, card and certificate centre.

Logs, journal files (also those of a killed process), slips, messages to the fleet, answers of the local API, the feed
and the texts of errors are searched for every invented person's name, numbers, card, codes, tokens and PIN, in every
form in which they could stand there. Only the masked forms of the slip (`slip.mask_certno`) are allowed.
"""

from pathlib import Path
from typing import Any

import pytest

from drivers.interfaces.hub_transport import NoAnswer
from protocols.money import Price
from terminal.core.values import Notice
from terminal.shop_items import ShopItem
from tests.leaks.canary import Emissions, Sieve
from tests.leaks.day import LINE, PIN, Day, log_into
from tests.terminal.clinic.clinic import STORY, Clinic, window_config
from tests.terminal.harness import Shop, counter_config, in_line
from yibao.site.virtual_loop import run_virtual

EVERY_CHANNEL = {"api", "events", "file", "log", "mqtt", "slip"}


async def pharmacy_day(folder: Path) -> Day:
    """Sales, a cancellation, lost answers, a kill, forged answers, wrong inputs, a look at the card, a full queue."""
    shop = Shop(folder)
    day = Day(folder, shop, counter_config())
    jia = shop.world.person("jia")
    counter = await day.start("yi")
    # a sale, and one that is cancelled
    sale = await counter.quoted("0001")
    await counter.post(f"/sales/{sale}/confirm")
    cancelled = await counter.quoted("0002")
    await counter.post(f"/sales/{cancelled}/confirm")
    await counter.post(f"/sales/{cancelled}/cancel", {"reason": "顾客改变主意"})
    await counter.post(f"/sales/{sale}/copies")
    await counter.rest()
    # answers that are lost, forged, or of somebody else
    for number, fault in enumerate(
        ("lose-answer", "lose-request", "bad-signature", "other-person", "html", "cut 40")
    ):
        shop.arm(fault, "2102")
        await counter.post(f"/sales/{await counter.quoted(f'1{number:03d}')}/confirm")
        await counter.rest()
    # refusals of the centre and of the hub; a centre that is silent
    for who in ("ren", "gui", "xin"):
        await counter.post(f"/sales/{await counter.open(f'2-{who}')}/medium", {"code": day.code(who)})
    await counter.post(f"/sales/{await counter.open('2-old')}/medium", {"code": _expired(day)})
    shop.centre_link.trouble = NoAnswer("timeout")
    await counter.post(f"/sales/{await counter.open('2-silent')}/medium", {"code": day.code()})
    shop.centre_link.trouble = None
    # things typed where they do not belong
    wrong = await counter.open("0003")
    for body in _wrong_media(jia.certno, jia.name, day.code("yi")[:-1]):
        await counter.post(f"/sales/{wrong}/medium", body)
    for line in _wrong_lines(jia.certno, jia.name, jia.psn_no):
        await counter.post(f"/sales/{wrong}/lines", line)
    for path in (
        f"/sales/{jia.certno}",
        f"/sales?sale_number=1&business_date={jia.certno}",
        f"/{jia.certno}",
    ):
        await counter.get(path)
    await counter.post(f"/sales/{wrong}/abandon")
    # the technician
    await counter.post("/card/read")
    await counter.post("/card/read", {"full": True})
    await counter.post("/card/apdu", {"commands": ["00A404000F7378312E73682EC9E7BBE1B1A3D5CF", "00B2012D40"]})
    await counter.post("/card/apdu", {"commands": [f"0020000004{PIN}"]})
    await counter.post("/hub/ping")
    counter.reader.remove()
    await counter.post("/card/read")
    # the process is killed while an outcome is open; the next one ends it
    shop.arm("lose-answer", "2102")
    shop.arm("lose-answer", "2601", 2)
    await counter.post(f"/sales/{await counter.quoted('0004')}/confirm")
    await _look_around(counter)
    await counter.end(killed=True)
    counter = await day.start()
    await counter.rest()
    await _look_around(counter)
    await counter.end()
    return day


async def clinic_day(folder: Path) -> Day:
    """A visit with the card, one with a typed number, one given up, a lost answer, a person without the filing."""
    clinic = Clinic(folder)
    day = Day(folder, clinic, window_config(clinic.institution, clinic.slot))
    counter = await day.start("yi")
    lines = [
        {"national_code": line.national_code, "own_code": line.own_code, "name": line.name, "spec": line.spec,
         "price": line.price, "quantity": line.quantity, "trace_codes": list(line.trace_codes)}
        for line in STORY
    ]  # fmt: skip
    disease = {"disease_code": "M01600", "diagnosis_code": "E11.900", "diagnosis_name": "2型糖尿病"}
    by_card: dict[str, Any] = {"card": True}
    by_number: dict[str, Any] = {"identity_number": clinic.world.person("yi").certno}
    for number, (medium, fault) in enumerate(((by_card, ""), (by_number, "2207A"), (by_card, "2204"))):
        visit = await counter.open(f"{number}", flow="clinic_visit", lines=lines)
        await counter.post(f"/sales/{visit}/medium", medium)
        if fault:
            clinic.arm("lose-answer", fault)
        await counter.post(f"/sales/{visit}/disease", disease)
        await counter.post(f"/sales/{visit}/quote")
        await counter.post(f"/sales/{visit}/confirm")
        await counter.rest()
    await counter.post(f"/sales/{visit}/cancel", {"reason": ""})
    given_up = await counter.open("7", flow="clinic_visit", lines=lines)
    await counter.post(f"/sales/{given_up}/medium", by_card)
    await counter.post(f"/sales/{given_up}/disease", disease)
    await counter.post(f"/sales/{given_up}/abandon")
    unfiled = await counter.open("8", flow="clinic_visit", lines=lines)
    await counter.post(f"/sales/{unfiled}/medium", {"identity_number": clinic.world.person("jia").certno})
    await counter.post(f"/sales/{unfiled}/disease", disease)
    await counter.post(
        f"/sales/{await counter.open('9', flow='clinic_visit')}/medium", {"identity_number": "1"}
    )
    await counter.rest()
    await _look_around(counter)
    await counter.end()
    return day


def _expired(day: Day) -> str:
    """A code whose person nobody will find: shown by no phone."""
    code = day.code()
    day.shop.world.book._codes.pop(code)
    return code


def _wrong_media(certno: str, name: str, code: str) -> list[dict[str, Any]]:
    return [
        {"code": certno}, {"code": name}, {"code": code}, {"identity_number": certno[:-1] + "0"}, {"identity_number": name},
        {"code": certno, "identity_number": certno}, {certno: name}, {"code": [certno]},
    ]  # fmt: skip


def _wrong_lines(certno: str, name: str, psn_no: str) -> list[Any]:
    return [
        {"barcode": certno}, {"barcode": psn_no}, LINE | {"price": certno}, LINE | {"quantity": certno + name},
        LINE | {"price": name}, {name: certno}, [certno],
    ]  # fmt: skip


async def _look_around(counter: Any) -> None:
    """Everything that only looks."""
    for path in ("/status", "/devices", "/doubts", "/health", "/notices", "/sales"):
        await counter.get(path)
    for row in await counter.get("/sales"):
        await counter.get(f"/sales/{row['id']}")
        await counter.get(f"/sales/{row['id']}/history")


DAYS = {"pharmacy": pharmacy_day, "clinic": clinic_day}


@pytest.mark.parametrize("which", DAYS)
@in_line
def test_nothing_of_a_person_leaves_the_terminal(which: str, tmp_path: Path) -> None:
    kept: list[Day] = []

    async def live() -> None:
        kept.append(await DAYS[which](tmp_path))

    logged = Emissions()
    with log_into(logged):
        run_virtual(live)
    (day,) = kept
    sieve = day.sieve()
    assert day.emissions.channels() | logged.channels() == EVERY_CHANNEL, "every channel was listened to"
    assert {"CONFIRMED", "CANCELLED", "REVERSED", "ABANDONED"} <= day.outcomes, "the day has really happened"
    assert day.emissions.leaks(sieve) + logged.leaks(sieve) == []


@in_line
def test_the_canary_sings_when_something_leaks(tmp_path: Path) -> None:
    """On each channel something is planted through the product's own doors, and each is found."""
    logged, heard = Emissions(), Emissions()
    sieves: list[Sieve] = []

    async def live() -> None:
        shop = Shop(tmp_path)
        day = Day(tmp_path, shop, counter_config())
        day.emissions = heard
        jia = shop.world.person("jia")
        leaky = ShopItem("6901234567892", jia.name, "", Price.parse("12.50"), LINE["national_code"], "SKU1")
        counter = await day.start(items={"6901234567892": leaky})
        await counter.post(
            "/sales", {"sale_number": jia.certno, "lines": [{"barcode": leaky.barcode}]}, Idempotency_Key="k"
        )
        sale = await counter.quoted(jia.psn_no)
        await counter.post(f"/sales/{sale}/confirm", {"operator": jia.name})
        counter.till.counter.went_wrong(jia.certno, ValueError())
        counter.till.counter.feed.announce(Notice("fleet_message", {"text": jia.name}))
        assert counter.api.service.fleet is not None
        await counter.broker.publish("fleet/x", jia.name.encode())
        await counter.rest()
        await counter.end()
        sieves.append(day.sieve())

    with log_into(logged):
        run_virtual(live)
    (sieve,) = sieves
    leaks = heard.leaks(sieve) + logged.leaks(sieve)
    assert {leak.partition(":")[0] for leak in leaks} == EVERY_CHANNEL
    assert {"api: jia name", "api: jia identity number", "file: jia identity number", "log: jia identity number",
            "mqtt: jia name", "slip: jia person number"} <= set(leaks)  # fmt: skip
