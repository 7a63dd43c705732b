"""The card reader on the counter, on a real pcscd of its own, moved through the control API."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest

from simulators.cards import image_for, save_image
from simulators.control import CardReaderView, DeskView
from simulators.desk import RunningDesk, serve_desk
from simulators.people import find, load_people
from simulators.reader import missing_parts
from simulators.reader.pcscd_wire import reader_states
from tests.real_parts import real_part_missing

PEOPLE = load_people()
ATR_OF_YI = "3B6D000000815445538660999900000002"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a short path, as the socket of a card service wants it."""
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        yield Path(name)


@pytest.fixture(scope="session")
def real_pcscd() -> None:
    """End the test where pcscd or its virtual reader are not there."""
    if missing := missing_parts():
        real_part_missing(", ".join(missing))


@pytest.fixture
async def desk(real_pcscd: None, folder: Path) -> AsyncIterator[RunningDesk]:
    """A desk with a card reader."""
    async with serve_desk(folder / "dev", pcscd_folder=folder / "pcsc", people=PEOPLE) as running:
        yield running


@pytest.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    """A client of any control API."""
    async with aiohttp.ClientSession() as session:
        yield session


async def _post(http: aiohttp.ClientSession, desk: RunningDesk, path: str, body: object = None) -> Any:
    answer = await http.post(f"{desk.url}/{path}", json=body)
    return answer.status, await answer.json()


async def _card(
    http: aiohttp.ClientSession, desk: RunningDesk, path: str, body: object = None
) -> CardReaderView:
    status, view = await _post(http, desk, path, body)
    assert status == 200, view
    return msgspec.convert(view, DeskView).card


async def _seen(desk: RunningDesk) -> str:
    """ATR of the card that the card service itself has in the person's slot."""
    first, _ = await reader_states(Path(desk.card.socket))
    return first.atr.hex().upper()


async def test_a_card_is_seen_by_the_card_service_when_the_answer_comes_and_gone_when_removed(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    assert desk.card == CardReaderView("Virtual PCD 00 00", desk.card.socket)
    card = await _card(http, desk, "card/insert", {"person": "测试乙"})
    assert (card.card, card.atr) == ("yi", ATR_OF_YI)
    assert await _seen(desk) == ATR_OF_YI
    assert (await _card(http, desk, "card/remove")).card == ""
    assert await _seen(desk) == ""
    assert (await _card(http, desk, "card/remove")).card == ""


async def test_a_second_card_takes_the_place_of_the_first(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    await _card(http, desk, "card/insert", {"person": "yi"})
    second = await _card(http, desk, "card/insert", {"person": "ding"})
    assert second.card == "ding"
    assert await _seen(desk) == second.atr != ATR_OF_YI


async def test_an_image_of_ones_own_is_a_card_too(desk: RunningDesk, http: aiohttp.ClientSession) -> None:
    image = msgspec.structs.replace(image_for(find(PEOPLE, "yi")), label="worn", blocked=True)
    card = await _card(http, desk, "card/insert", {"image": save_image(image)})
    assert (card.card, card.atr) == ("worn", ATR_OF_YI)


@pytest.mark.parametrize(
    ("order", "status", "reason"),
    [
        ({"person": "nobody"}, 404, "nobody is called nobody; known: jia, yi"),
        ({"person": "xin"}, 400, "xin has no card"),
        ({"image": "label = 1"}, 400, "label"),
        ({"who": "yi"}, 400, "who"),
    ],
)
async def test_a_card_that_does_not_exist_is_told_and_the_reader_stays_empty(
    desk: RunningDesk, http: aiohttp.ClientSession, order: dict[str, str], status: int, reason: str
) -> None:
    found, answer = await _post(http, desk, "card/insert", order)
    assert (found, reason in answer["error"]) == (status, True), answer
    assert await _seen(desk) == ""


async def test_two_desks_side_by_side_have_cards_of_their_own(
    desk: RunningDesk, http: aiohttp.ClientSession
) -> None:
    async with AsyncExitStack() as stack:
        name = await asyncio.to_thread(tempfile.mkdtemp, prefix="yb")
        stack.push_async_callback(asyncio.to_thread, shutil.rmtree, name, ignore_errors=True)
        there = Path(name)
        other = await stack.enter_async_context(
            serve_desk(there / "dev", pcscd_folder=there / "pcsc", people=PEOPLE)
        )
        await _card(http, desk, "card/insert", {"person": "yi"})
        assert await _seen(other) == ""
        await _card(http, other, "card/insert", {"person": "ding"})
        assert await _seen(desk) == ATR_OF_YI != await _seen(other)
        assert desk.card.socket != other.card.socket
    assert await _seen(desk) == ATR_OF_YI


async def test_without_a_card_service_the_desk_has_no_reader_and_says_why(
    folder: Path, http: aiohttp.ClientSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shutil, "which", lambda *_, **__: None)
    async with serve_desk(folder / "dev", pcscd_folder=folder / "pcsc", people=PEOPLE) as desk:
        assert desk.card.reader == ""
        assert desk.card.missing.startswith("missing: pcscd")
        status, answer = await _post(http, desk, "card/insert", {"person": "yi"})
        assert (status, answer["error"]) == (409, f"there is no card reader here: {desk.card.missing}")


async def test_a_folder_whose_path_is_too_long_for_a_socket_is_told_the_same_way(
    tmp_path: Path, http: aiohttp.ClientSession
) -> None:
    async with serve_desk(tmp_path, pcscd_folder=tmp_path / ("x" * 100), people=PEOPLE) as desk:
        assert "too long" in desk.card.missing


async def test_a_counter_without_a_reader_says_so(tmp_path: Path, http: aiohttp.ClientSession) -> None:
    async with serve_desk(tmp_path) as desk:
        status, answer = await _post(http, desk, "card/remove")
        assert (status, "none belongs to this counter" in answer["error"]) == (409, True)
