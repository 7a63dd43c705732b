"""What the road notes of an exchange: whether a fault met it, and whether the hub was away."""

from collections.abc import Awaitable
from random import Random

import pytest

from protocols.hub.envelope import Request, encode_request
from simulators.cheap_signing import CheapKey
from simulators.serve import shipped_profile
from yibao.site.road import Exchanged, HubRoad
from yibao.site.virtual_loop import run_virtual
from yibao.site.weather import Weather

PROFILE = shipped_profile()


class Always(Weather):
    """Weather of one fault."""

    def __init__(self, fault: str) -> None:
        super().__init__(Random(1), Random(1))
        self._fault = fault

    def fault_for(self, infno: str) -> str:
        """See `Weather`."""
        return self._fault


class Hub:
    """A hub that says the same to everybody. Implements `road.Hub`."""

    def __init__(self) -> None:
        self.fired: list[str] = []

    def handle(self, request: bytes) -> bytes:
        """See `road.Hub`."""
        return b"{}"

    def fault_fired(self, kind: str, infno: str, msgid: str) -> None:
        """See `road.Hub`."""
        self.fired.append(f"{kind} {infno} {msgid}")

    def forget_sign_ins(self) -> None:
        """See `road.Hub`."""


def spawn(work: Awaitable[None]) -> None:
    raise AssertionError("nothing goes on behind")


def exchanged(fault: str, *sent: str) -> tuple[list[Exchanged], list[str]]:
    """Send messages (transaction and message id) through one fault."""

    async def send() -> tuple[list[Exchanged], list[str]]:
        hub, key = Hub(), CheapKey("hub")
        road = HubRoad(hub, Always(fault), Random(1), PROFILE, key, key, spawn)
        for message in sent:
            infno, msgid = message.split()
            body = encode_request(
                Request(infno=infno, message_id=msgid, care_division="", receiver="", version="", operator_type="",
                        operator="", operator_name="", sent_at="", institution_code="", institution_name="", input=b"{}")
            )  # fmt: skip
            await road.post("", body, {}, 5.0, 30.0)
        return road.exchanges, hub.fired

    return run_virtual(send)


def test_a_refused_cancellation_is_the_hubs_own_answer_and_a_denial() -> None:
    (refused,), fired = exchanged("refused-cancellation", "2103 cancel")
    assert (refused.clean, refused.answered, refused.away, refused.denied) == (False, True, False, True)
    assert fired == ["refused-cancellation 2103 cancel"]


def test_only_cancellations_are_refused_in_this_way_and_the_other_faults_stay_as_they_were() -> None:
    """Numbers of their own: what an older seed tells is changed by a refusal and by nothing else."""
    weathers = [Weather(Random(7), Random(seed)) for seed in range(40)]
    assert {weather.refused_cancellations for weather in weathers} == {0.0, 0.5}

    def usual(weather: Weather) -> tuple[str, ...]:
        return tuple(weather.fault_for("2102") for _ in range(50) if weather.fault_for("2103") is not None)

    told = {usual(weather) for weather in weathers}
    assert len(told) == 1
    rough = next(weather for weather in weathers if weather.refused_cancellations)
    refused = [
        fault for fault in (rough.fault_for("2208") for _ in range(200)) if fault == "refused-cancellation"
    ]
    assert 60 < len(refused) < 140
    rough.calm()
    assert not any(rough.fault_for("2103") for _ in range(50))


@pytest.mark.parametrize("fault", ["swap", "replay"])
def test_an_answer_to_another_message_comes_only_where_there_is_one(fault: str) -> None:
    """The first message of its kind gets its own answer, and the hub is not away because of it."""
    (first, second), fired = exchanged(fault, "2102 first", "2102 second")
    assert (first.clean, first.answered, first.away) == (True, True, False)
    assert (second.clean, second.answered, second.away) == (False, False, False)
    assert fired == [f"{fault} 2102 second"]
    (question,), fired = exchanged(fault, "1101 who")
    assert (question.clean, question.answered, question.away) == (True, True, False)
    assert fired == []


@pytest.mark.parametrize(
    ("infno", "away"), [("1101", True), ("5201", True), ("5203", False), ("2601", False)]
)
def test_only_an_unanswered_question_says_that_the_hub_is_away(infno: str, away: bool) -> None:
    ((noted,), _) = exchanged("html", f"{infno} m")
    assert (noted.answered, noted.away) == (False, away)
