"""Questions to hub and certificate centre that get no usable answer: nothing is owed whatever happens."""

from pathlib import Path

import pytest

from drivers.interfaces.hub_transport import NoAnswer, NotSent
from terminal.core.states import State
from terminal.core.values import Notice
from tests.terminal.counter.endings import end, told
from tests.terminal.harness import PILLS, Shop, virtual

QUESTIONS = {
    "lose-request": "hub_silent_question",
    "lose-answer": "hub_silent_question",
    "bad-signature": "hub_not_understood",
    "html": "hub_not_understood",
    "cut 100": "hub_not_understood",
    "http-status 500": "hub_not_understood",
}


@pytest.mark.parametrize("infno", ["1101", "2101"])
@pytest.mark.parametrize("fault", QUESTIONS)
@virtual
async def test_a_question_without_a_usable_answer_is_told_and_can_be_asked_again(
    fault: str, infno: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm(fault, infno)
    stuck = await till.quote()
    assert stuck.state is State.DRAFT
    assert stuck.notice is not None
    assert stuck.notice.code == QUESTIONS[fault]
    assert "未入账" in told(stuck.notice)[0]
    assert (await till.counter.sales.quote(stuck.id)).state is State.PRICED
    assert (await till.counter.sales.confirm(stuck.id, "T01")).state is State.CONFIRMED
    await end(shop, till)


@pytest.mark.parametrize(
    ("fault", "code"), [("other-person", "hub_amounts_broken"), ("amount-off", "hub_amounts_broken")]
)
@virtual
async def test_a_quote_that_does_not_add_up_is_not_offered(fault: str, code: str, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.arm(fault, "2101")
    quoted = await till.quote()
    if quoted.state is State.PRICED:
        assert fault == "other-person", "a quote names nobody; the settlement is what is checked"
    else:
        assert quoted.notice is not None
        assert quoted.notice.code == code
    await end(shop, till)


@virtual
async def test_a_hub_that_is_down_at_the_question_is_said_to_be(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.hub_link.down = True
    stuck = await till.quote()
    assert stuck.notice == Notice("hub_not_reached", {"reason": "refused"})
    assert "请检查网络" in told(stuck.notice)[0]
    assert till.attempts(stuck.id) == []
    await end(shop, till)


@virtual
async def test_a_hub_that_refuses_the_quote_is_heard_in_its_own_words(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    unknown = PILLS.__class__(
        national_code="XTEST00000000000000ZZ99", own_code="SKU9999", name="未知药品", price="1.00"
    )
    refused = await till.quote(lines=(unknown,))
    assert refused.state is State.DRAFT
    assert refused.notice is not None
    assert refused.notice.code == "hub_refused_question"
    assert "[FIELD]" in told(refused.notice)[0]
    await end(shop, till)


@pytest.mark.parametrize(
    ("trouble", "rescan"),
    [(NotSent("refused"), True), (NoAnswer("timeout"), False), (NoAnswer("disconnected"), False)],
)
@virtual
async def test_a_centre_that_is_away_costs_nothing(
    trouble: NotSent | NoAnswer, rescan: bool, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    shop.centre_link.trouble = trouble
    stuck = await till.quote()
    assert stuck.state is State.DRAFT
    assert stuck.notice == Notice("centre_not_reached", {"reason": trouble.reason})
    assert (stuck.code is None) is rescan, "a code whose answer was lost may be tried again"
    shop.centre_link.trouble = None
    priced = await till.counter.media.give_code(stuck.id, shop.code())
    assert priced.state is State.PRICED
    await end(shop, till)


@pytest.mark.parametrize(
    ("who", "code"),
    [
        ("gui", "certificate_frozen"),
        ("ren", "certificate_not_activated"),
        ("xin", "certificate_not_activated"),
    ],
)
@virtual
async def test_a_certificate_that_is_not_in_force_is_told_with_what_to_do(
    who: str, code: str, tmp_path: Path
) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    refused = await till.quote(who=who)
    assert refused.state is State.DRAFT
    assert refused.notice is not None
    assert refused.notice.code == code
    assert "未入账" in told(refused.notice)[0]
    await end(shop, till)


@virtual
async def test_a_code_that_has_expired_is_told_to_be_refreshed(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till = await shop.start()
    opened = await till.open()
    code = shop.code()
    await till.wait(80)
    refused = await till.counter.media.give_code(opened.id, code)
    assert refused.notice is not None
    assert refused.notice.code == "code_expired"
    assert (await till.counter.media.give_code(opened.id, shop.code())).state is State.PRICED
    await end(shop, till)


@virtual
async def test_a_customer_is_helped_to_activate_and_then_scans_a_new_code(tmp_path: Path) -> None:
    """The terminal cannot activate anything: it tells the steps and where, and takes the code of afterwards (PD-10)."""
    shop = Shop(tmp_path)
    till = await shop.start()
    refused = await till.quote(who="ren")
    assert refused.notice is not None
    chinese, english = told(refused.notice)
    for text in (chinese, english):
        assert "国家医保服务平台 App" in text
    assert refused.code is None, "the refused code is gone"
    ren, phone = shop.world.person("ren"), shop.world.activation
    phone.agree(ren)
    phone.real_name(ren, ren.name, ren.certno)
    phone.face(ren, "match")
    phone.set_password(ren, "135790")
    priced = await till.counter.media.give_code(refused.id, shop.code("ren"))
    assert priced.state is State.PRICED
    await end(shop, till)
