"""A clinic's window for visits of every kind of benefit, and people made for one test."""

import msgspec

from simulators.people import Person, parse_person
from simulators.people.loader import identity_check_character
from terminal.core.values import Settlement
from terminal.counter.wishes import DiseaseWish, LineWish, SaleWish
from tests.terminal.clinic.clinic import Window

COLD = DiseaseWish("", "J06.900", "急性上呼吸道感染")


def somebody(
    number: int, division: str = "999900", insutype: str = "390", *, more: str = "", filed: str = ""
) -> Person:
    """One more invented person; `more` are further lines of the enrolment, `filed` whole tables."""
    seventeen = f"99999919850101{number % 1000:03d}"
    return parse_person(
        f"""
slug = "one{number}"
name = "测试{number}"
psn_no = "99990000000000000{number}"
certno = "{seventeen}{identity_check_character(seventeen)}"
sex = "{1 if number % 2 else 2}"
born = 1985-01-01
[[enrolment]]
insutype = "{insutype}"
psn_type = "{"15" if insutype == "390" else "11"}"
division = "{division}"
since = 2010-01-01
{more}
{filed}
[certificate]
state = "ACTIVATED"
index = "{number:032d}"
example_token = "{division}ecsim{number:027d}"
""",
        "one.toml",
    )


def line(code: str, name: str, price: str, quantity: str) -> LineWish:
    """A charge line in full."""
    return LineWish(national_code=code, own_code=f"OWN-{name}", name=name, price=price, quantity=quantity)


async def priced(
    window: Window,
    benefit: str,
    lines: tuple[LineWish, ...],
    who: str,
    wish: DiseaseWish = COLD,
    **more: str | bool,
) -> Settlement:
    """A visit of a kind of benefit, up to its quote."""
    sale = SaleWish("1", lines, flow="clinic_visit", benefit=benefit, use_account=False)
    sale = msgspec.structs.replace(sale, **more)
    opened = await window.counter.sales.open(sale, "front desk", "")
    known = await window.type_number(opened, who)
    if known.person is None or not known.entitled:
        return known
    return await window.pick(known, wish)
