"""Codes, rules and outcomes: what a hub of a profile books, refuses and says, and how the terminal reads it."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from drivers.interfaces.hub_transport import RawAnswer
from protocols.hub.gateway import NO_CREDENTIALS
from protocols.hub.profile import Profile
from protocols.secret import Secret
from simulators.benefit.model import FUND_OTHER, FundRow
from simulators.hub import HubSettings, answers
from simulators.serve import SimulatedWorld, shipped_profile
from terminal.building import business_type
from terminal.core.events import Misuse
from terminal.core.outcome import Verdict, judge, judge_reversal
from terminal.core.states import State
from terminal.devices.card_medium import medium_of
from terminal.hub.centre import CentreClient, Office
from terminal.hub.client import HubClient, Institution, Operator
from terminal.hub.gate import HubGate
from terminal.slips import MaskRule
from terminal.slips.masking import mask_certno
from tests.profiles.rig import profile_of
from tests.profiles.switches import switch
from tests.simulators.hub.clinic_visit import ClinicVisit
from tests.simulators.hub.counter import Counter, Reply, make_world, purchase
from tests.simulators.hub.test_envelope import settle_twice
from tests.simulators.hub.test_pharmacy import cancel, prescribed
from tests.terminal.core.samples import ALREADY, NOT_FOUND, OTHER_CODE, SEEN, SUBSYSTEM
from tests.terminal.counter.test_gate import in_doubt
from tests.terminal.harness import PILLS, Shop, counter_config, virtual
from tests.terminal.hub.test_client import HUB, OURS, SIGN_IN, Clock, Ids

HOME = "999900"


def at(text: str, settings: HubSettings | None = None, institution: str = "P99990000001") -> Counter:
    """A signed-in counter at a hub of this profile."""
    counter = Counter(make_world(settings, profile=profile_of(text)), institution)
    counter.sign_in()
    return counter


def bought(counter: Counter, **changes: Any) -> Reply:
    """A purchase of 测试甲 over 83.30."""
    jia = counter.world.person("jia")
    return counter.ask("2102", purchase(counter, jia, counter.token(jia), **changes), HOME)


# -- message ids and trace codes -------------------------------------------------------------------


@pytest.mark.parametrize(("checked", "second", "booked"), [("strict", -1, 1), ("none", 0, 2)])
@switch("msgid_check", "strict", "none")
def test_a_message_id_seen_before_books_nothing_or_is_not_looked_at(
    checked: str, second: int, booked: int
) -> None:
    counter = at(f'msgid_check = "{checked}"')
    replies = settle_twice(counter, counter.world.person("jia"))
    assert [reply.infcode for reply in replies] == [0, second]
    assert len(counter.world.ledger.settlements()) == booked


@pytest.mark.parametrize(("asked", "code"), [("2102_and_3505", "TRACE_CODE"), ("3505", ""), ("none", "")])
@switch("trace.required", "2102_and_3505", "3505", "none")
def test_a_pack_without_a_trace_code_is_refused_where_the_purchase_must_name_it(
    asked: str, code: str
) -> None:
    counter = at(f'[trace]\nrequired = "{asked}"', HubSettings(trace_codes="profile"))
    assert bought(counter).code == code


# -- what 2601 undoes and says ---------------------------------------------------------------------


def reversal_of(counter: Counter, settled: Reply, message_id: str) -> Reply:
    """2601 of a purchase."""
    data = {"psn_no": settled.setlinfo["psn_no"], "omsgid": message_id, "oinfno": "2102"}
    return counter.ask("2601", {"data": data}, HOME)


@pytest.mark.parametrize(("listed", "infcode"), [('["2102"]', 0), ('["2207"]', -1)])
@switch("outcome.reversible")
def test_2601_undoes_what_is_on_the_list(listed: str, infcode: int) -> None:
    counter = at(f"[outcome]\nreversible = {listed}")
    settled = bought(counter)
    assert reversal_of(counter, settled, settled.setlinfo["medins_setl_id"]).infcode == infcode
    assert len(counter.world.ledger.live_settlements()) == (1 if infcode else 0)


OWN_WORDS = """
[[outcome.reversal_answers]]
pattern = "已退费"
means = "already"
says = "原结算已退费 (own words)"
[[outcome.reversal_answers]]
pattern = "查无"
means = "not_found"
says = "查无此交易 (own words)"
"""


@switch("outcome.reversal_answers")
def test_2601_is_refused_in_the_hubs_own_words_and_read_by_its_patterns() -> None:
    counter, own = at(OWN_WORDS), profile_of(OWN_WORDS)
    settled = bought(counter)
    message_id = settled.setlinfo["medins_setl_id"]
    assert reversal_of(counter, settled, message_id).infcode == 0
    again = reversal_of(counter, settled, message_id)
    unknown = reversal_of(counter, settled, message_id[:-1] + "9")
    assert (again.err_msg, unknown.err_msg) == ("原结算已退费 (own words)", "查无此交易 (own words)")
    assert own.classify_reversal(again.err_msg) == "already"
    assert own.classify_reversal(unknown.err_msg) == "not_found"
    assert judge_reversal(ALREADY, own) is judge_reversal(NOT_FOUND, own) is Verdict.UNKNOWN


@switch("outcome.refusal_codes")
def test_only_listed_codes_are_a_refusal() -> None:
    assert judge(OTHER_CODE, profile_of("")) is Verdict.UNKNOWN
    assert judge(OTHER_CODE, profile_of("[outcome]\nrefusal_codes = [-1, -7]")) is Verdict.REFUSED


@switch("outcome.message_seen")
@switch("outcome.doubt_texts")
def test_a_refusal_that_says_it_does_not_know_is_a_doubt() -> None:
    text = '[outcome]\nmessage_seen = "duplicate"\ndoubt_texts = ["upstream"]'
    for told in (SEEN, SUBSYSTEM):
        assert judge(told, profile_of("")) is Verdict.UNKNOWN
        assert judge(told, profile_of(text)) is Verdict.REFUSED
    for words in ("duplicate id", "upstream is gone"):
        told = msgspec.structs.replace(SEEN, err_msg=words)
        assert judge(told, profile_of("")) is Verdict.REFUSED
        assert judge(told, profile_of(text)) is Verdict.UNKNOWN


@switch("outcome.sign_in_lost")
def test_a_lost_sign_in_is_known_by_the_profiles_text() -> None:
    assert profile_of("").is_sign_in_lost("未签到 [SIGN_IN]")
    other = profile_of('[outcome]\nsign_in_lost = "请重新签到"')
    assert not other.is_sign_in_lost("未签到 [SIGN_IN]")
    assert other.is_sign_in_lost("请重新签到")


@switch("outcome.by_message_query")
@switch("outcome.resend_is_idempotent")
def test_no_hub_is_asked_for_a_message_id_or_sent_one_twice() -> None:
    assert (profile_of("").outcome.by_message_query, profile_of("").outcome.resend_is_idempotent) == (
        "none",
        False,
    )


# -- time limits -----------------------------------------------------------------------------------


@switch("hub.connect_timeout_s")
@switch("hub.total_timeout_s")
def test_the_line_gets_the_profiles_time_limits() -> None:
    limits: list[tuple[float, float]] = []

    class Limited:
        async def post(
            self, path: str, body: bytes, headers: Mapping[str, str], connect_timeout_s: float, total_timeout_s: float
        ) -> RawAnswer:  # fmt: skip
            limits.append((connect_timeout_s, total_timeout_s))
            return RawAnswer(500, b"", "")

        async def close(self) -> None:
            """Nothing is open."""

    profile = profile_of("[hub]\nconnect_timeout_s = 3\ntotal_timeout_s = 20")
    gate = HubGate(profile, NO_CREDENTIALS, Limited(), Clock(), lambda bits: 0)
    place, operator = Institution("P99990000001", "测试大药房一号店", HOME), Operator("T01", "收银员测试")
    hub = HubClient(profile, place, operator, Limited(), gate, OURS, HUB, Ids(), Clock())
    asyncio.run(hub.ask("9001", SIGN_IN, ""))
    assert limits == [(3, 20)]


@switch("outcome.quiet_floor_s")
def test_the_quiet_time_has_a_floor() -> None:
    assert (profile_of("").quiet_s, profile_of("[outcome]\nquiet_floor_s = 300").quiet_s) == (120, 300)
    assert profile_of("[hub]\ntotal_timeout_s = 100\n[outcome]\nquiet_floor_s = 1").quiet_s == 200


# -- codes -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("code", "text"), [("2304", ""), ("7131", "7131")])
@switch("codes.idet")
def test_an_assistance_category_has_the_profiles_code(code: str, text: str) -> None:
    """7131 is the extremely poor's code on another list in circulation (K22)."""
    table = {**profile_of("").codes.idet, "extremely_poor": text or "2304"}
    lines = "\n".join(f'{name} = "{one}"' for name, one in table.items())
    counter = at(f"[codes.idet]\n{lines}")
    data = {
        "mdtrt_cert_type": "02",
        "mdtrt_cert_no": counter.world.person("geng").certno,
        "psn_cert_type": "01",
    }
    reply = counter.ask("1101", {"data": data})
    assert [row["psn_idet_type"] for row in reply.output["idetinfo"]] == [code]


@switch("codes.xprov_groups")
@switch("codes.disease_groups")
def test_diseases_open_across_provinces_are_those_of_the_groups() -> None:
    assert "M05300" not in profile_of("").diseases_open_across_provinces
    text = '[codes]\nxprov_groups = ["tumour"]\n[codes.disease_groups]\nhypertension = ["M03900"]\ndiabetes = ["M01600"]\n'
    text += 'tumour = ["M00503"]\ndialysis = ["M07803"]\nanti_rejection = ["M08300"]'
    hub = at(text).world.hub.core.desk
    assert hub.rules.xprov_diseases == frozenset({"M00503"})


@switch("codes.fund_class")
@switch("codes.fund_other")
def test_money_of_further_layers_has_the_profiles_code_and_is_fund_money() -> None:
    row = FundRow(FUND_OTHER, 100, 100, None)
    for text, code in (("", "999109"), ('[codes]\nfund_other = "640100"', "640100")):
        desk = at(text).world.hub.core.desk
        (node,) = answers.setldetail(desk, _result(desk, row))
        assert node["fund_pay_type"] == code
    assert profile_of("").fund_class("640100") == "hospital"
    assert profile_of('[codes.fund_class]\n310200 = "account"').fund_class("640100") == "fund"


def _result(desk: Any, row: FundRow) -> Any:
    counter = at("")
    bought(counter)
    (record,) = counter.world.ledger.settlements()
    return msgspec.structs.replace(record.result, funds=(row,))


@pytest.mark.parametrize(("digits", "local"), [("four_digits", False), ("two_digits", True)])
@switch("codes.locality", "four_digits", "two_digits")
def test_what_is_local_is_a_matter_of_digits(digits: str, local: bool) -> None:
    profile = profile_of(f'[codes]\nlocality = "{digits}"')
    assert profile.is_local("999900", "999800") is local
    assert profile.is_local("999900", "999901")
    assert not profile.is_local("999900", "989900")


# -- rules of the hub ------------------------------------------------------------------------------


@pytest.mark.parametrize(("asked", "code"), [("true", "LATER_SETTLEMENT_EXISTS"), ("false", "")])
@switch("policy.cancel_order", True, False)
def test_an_earlier_settlement_is_held_by_a_later_one_or_not(asked: str, code: str) -> None:
    counter = at(f"[policy]\ncancel_order = {asked}", HubSettings(prescriptions=frozenset({"RX0001"})))
    jia = counter.world.person("jia")
    first = counter.ask("2102", prescribed(counter, jia, "RX0001"), HOME)
    counter.ask("2102", prescribed(counter, jia, "RX0001"), HOME)
    assert cancel(counter, first).code == code


@pytest.mark.parametrize(("close", "code"), [("03-31", "YEAR_CLOSED"), ("12-15", "")])
@switch("policy.year_close")
def test_last_years_fees_are_taken_until_the_year_closes(close: str, code: str) -> None:
    counter = at(f'[policy]\nyear_close = "{close}"')
    jia = counter.world.person("jia")
    body = purchase(counter, jia, counter.token(jia))
    for line in body["drugdetail"]:
        line["fee_ocur_time"] = "2025-12-31 10:00:00"
    assert counter.ask("2102", body, HOME).code == code


@pytest.mark.parametrize(("asked", "code"), [("true", "AMOUNTS_CHANGED"), ("false", "")])
@switch("policy.quote_check_2207", True, False)
def test_a_settlement_over_other_amounts_than_the_hubs_is_refused_or_not(asked: str, code: str) -> None:
    counter = at(f"[policy]\nquote_check_2207 = {asked}", institution="H99990000002")
    visit = ClinicVisit(counter, counter.world.person("yi"))
    visit.register()
    visit.diagnose()
    visit.upload()
    assert visit.settle(visit.quote(), preselfpay_amt="1.23").code == code


@pytest.mark.parametrize("allowed", [True, False])
@switch("policy.mutual_aid_outside_province", True, False)
def test_relatives_pay_in_another_province_only_where_the_hub_lets_them(allowed: bool) -> None:
    world: SimulatedWorld = at(f"[policy]\nmutual_aid_outside_province = {str(allowed).lower()}").world
    assert world.hub.core.desk.rules.mutual_aid_outside_province is allowed


# -- the terminal's own ----------------------------------------------------------------------------


class _Card:
    """What a reader gives."""

    card_number = Secret("A12345678")
    card_sn = Secret("0123456789ABCDEF0123456789ABCDEF")
    certno = Secret("999999199001010016")
    name = Secret("测试甲")


@pytest.mark.parametrize("width", [32, 24])
@switch("form.card_sn", 32, 24)
def test_the_cards_identification_code_is_as_wide_as_the_hub_wants(width: int) -> None:
    card: Any = _Card()
    assert (
        medium_of(card, profile_of(f"[form]\ncard_sn = {width}")).card_sn.reveal()
        == card.card_sn.reveal()[:width]
    )


@switch("slip.mask_certno_first")
@switch("slip.mask_certno_last")
def test_a_slip_shows_the_ends_the_profile_allows() -> None:
    slip = profile_of("[slip]\nmask_certno_first = 2\nmask_certno_last = 1").slip
    rule = MaskRule(slip.mask_certno_first, slip.mask_certno_last)
    assert mask_certno("999999199001010016", rule) == "99***************6"


def test_the_default_profile_is_the_shipped_one() -> None:
    assert (
        msgspec.structs.replace(profile_of(""), name="national")
        == shipped_profile()
        == Profile(name="national")
    )


@pytest.mark.parametrize(("institution", "kind"), [("P99990000001", "77777"), ("H99990000002", "88888")])
@switch("ecert.url_path")
@switch("ecert.business_type_pharmacy")
@switch("ecert.business_type_registration")
@switch("ecert.connect_timeout_s")
@switch("ecert.total_timeout_s")
def test_the_centre_is_asked_as_the_profile_says(institution: str, kind: str) -> None:
    text = '[ecert]\nurl_path = "/decode"\nconnect_timeout_s = 2\ntotal_timeout_s = 7\n'
    text += 'business_type_pharmacy = "77777"\nbusiness_type_registration = "88888"\n'
    profile, centre = profile_of(text), _Centre()
    client = CentreClient(
        profile, Institution(institution, "测试", HOME), Operator("T01", "收银员测试"), Office("0001", "收银台"),
        business_type(profile, institution), centre, Clock(),
    )  # fmt: skip
    asyncio.run(client.decode(Secret("4240000000000000001707990000")))
    assert centre.asked[:3] == ("/decode", 2, 7)
    assert kind in centre.asked[3]


class _Centre:
    """A centre that keeps what it was asked and answers nothing of use."""

    asked: tuple[str, float, float, str] = ("", 0, 0, "")

    async def post(
        self,
        path: str,
        body: bytes,
        headers: Mapping[str, str],
        connect_timeout_s: float,
        total_timeout_s: float,
    ) -> RawAnswer:
        """See `HubTransport`."""
        self.asked = (path, connect_timeout_s, total_timeout_s, body.decode())
        return RawAnswer(200, b"", "")

    async def close(self) -> None:
        """Nothing is open."""


@pytest.mark.parametrize(("gate_s", "waited_s", "code"), [(120, 60, "lane_gate"), (30, 60, "")])
@switch("outcome.gate_s")
def test_a_lane_waits_for_its_doubt_as_long_as_the_profile_says(
    tmp_path: Path, gate_s: int, waited_s: int, code: str
) -> None:
    @virtual
    async def run() -> None:
        shop = Shop(tmp_path, profile=profile_of(f"[outcome]\ngate_s = {gate_s}"))
        till = await shop.start()
        await in_doubt(shop, till)
        other = await till.quote("0002", who="ding")
        await till.wait(waited_s)
        told = ""
        try:
            await till.counter.sales.confirm(other.id, "T01")
        except Misuse as misuse:
            told = misuse.code
        assert told == code
        await till.stop()

    run()


@switch("retention.identity_days")
@switch("retention.evidence_days")
def test_names_and_evidence_are_deleted_at_the_end_of_the_profiles_terms(tmp_path: Path) -> None:
    @virtual
    async def run() -> None:
        shop = Shop(tmp_path, profile=profile_of("[retention]\nidentity_days = 2\nevidence_days = 4"))
        till = await shop.start()
        settled = await till.settle()
        await till.quiet()
        await till.counter.sales.acknowledge(settled.id, "T01")
        deleted = []
        for _ in range(5):
            await till.wait(86_400)
            assert till.counter.expiry is not None
            deleted.append([found.purpose.value for found in (await till.counter.expiry.run("T01")).deleted])
        assert deleted == [[], ["identity"], [], ["evidence"], []]
        await till.stop()

    run()


@pytest.mark.parametrize(
    ("fields", "state", "code"),
    [
        ([], State.CONFIRMED, "settled"),
        (["opter_name"], State.CONFIRMED, "settled"),
        (["psn_type"], State.CONFIRMED, "settled"),
        (["drug_trac_codg"], State.ARMED, "field_too_long"),
        (["fixmedins_name"], State.DRAFT, "field_too_long"),
    ],
)
@pytest.mark.parametrize("sign_in", ["daily", "none"])
@switch("limits.check_printed")
def test_a_field_longer_than_printed_is_not_sent_where_the_profile_checks_it(
    tmp_path: Path, sign_in: str, fields: list[str], state: State, code: str
) -> None:
    @virtual
    async def run() -> None:
        shop = Shop(
            tmp_path, profile=profile_of(f'[env]\nsign_in = "{sign_in}"\n[limits]\ncheck_printed = {fields}')
        )
        config = counter_config()
        place = msgspec.structs.replace(config.institution, name="店" * 21)
        till = await shop.start(config=msgspec.structs.replace(config, institution=place))
        long_code = msgspec.structs.replace(PILLS, trace_codes=("8" * 31,))
        sale = await till.quote(lines=(long_code,))
        told = await till.counter.sales.confirm(sale.id, "T01") if sale.state is State.PRICED else sale
        assert told.notice is not None
        assert (told.state, told.notice.code) == (state, code)
        assert len(shop.live()) == (1 if state is State.CONFIRMED else 0)
        if code == "field_too_long":
            assert told.notice.params == {"field": fields[0]}
        await till.stop()

    run()
