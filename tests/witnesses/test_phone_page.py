"""The phone's page in Chromium: zxing reads the code from the screen, it changes by itself, and activation is walked.

Time stands still on both sides until a test moves it, so that no code changes while it is being read.
"""

import asyncio
import datetime as dt
import io
from collections.abc import AsyncIterator
from random import Random

import pytest
import pytest_asyncio
import zxingcpp
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import Browser, Page, Route, async_playwright, expect

from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import Activation, CodeBook, Lives
from simulators.people import find, load_people
from simulators.people.model import CertificateState
from simulators.phone import server
from tests.real_parts import require_real

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    # Where no processor is free, Chromium has been seen to take twenty seconds to start.
    pytest.mark.timeout(120),
]

PEOPLE = load_people()
LIFE_S = int(Lives().code_life_s)
RETRY_S = 3
"""How long the page waits before it asks again after a failure."""
PATIENCE_S = 20
"""Seconds after which a test gives up on the page; of real time."""
TEN_O_CLOCK = dt.datetime(2026, 11, 21, 10, 0, tzinfo=WIRE_ZONE)


class Times:
    """The time of the simulator and the time of the browser, moved together."""

    def __init__(self) -> None:
        self.now = TEN_O_CLOCK

    def __call__(self) -> dt.datetime:
        return self.now

    async def pass_s(self, page: Page, seconds: int) -> None:
        """Let time pass; what was due in the browser has begun afterwards."""
        self.now += dt.timedelta(seconds=seconds)
        await page.clock.run_for(seconds * 1000)


WITHOUT_CODE: dict[CertificateState, str] = {
    "FROZEN": "请联系医保经办机构",
    "CANCELLED": "请联系医保经办机构",
    "NOT_INSURED": "请先办理参保登记",
    "NOT_ACTIVATED": "请在本人的手机上激活",
}


@pytest.fixture
def times() -> Times:
    """Ten in the morning."""
    return Times()


@pytest.fixture
def book() -> CodeBook:
    """Codes that change every minute."""
    return CodeBook(PEOPLE, Random(1))


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Browser]:
    """One Chromium for all: starting it is most of the time these tests take."""
    chromium = require_real("chromium")
    expect.set_options(timeout=PATIENCE_S * 1000)
    async with async_playwright() as playwright:
        running = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield running
        await running.close()


@pytest_asyncio.fixture(loop_scope="module")
async def page(browser: Browser, book: CodeBook, times: Times) -> AsyncIterator[Page]:
    """The page of 测试甲's phone; an error in its console fails the test."""
    desk = server.PhoneDesk(PEOPLE, book, Activation(book, PEOPLE), times)
    troubles: list[str] = []
    async with TestServer(server.build_app(desk)) as running:
        tab = await browser.new_page(viewport={"width": 420, "height": 860})
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on(
            "console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None
        )
        await tab.clock.install(time=TEN_O_CLOCK)
        await tab.clock.pause_at(TEN_O_CLOCK + dt.timedelta(seconds=1))
        await tab.goto(f"{running.make_url('/')}#jia")
        yield tab
        await tab.close()
    assert troubles == []


async def read_screen(page: Page) -> str:
    """What a scanner in front of the screen reads, once the whole picture is there."""
    await page.locator("#picture").evaluate("(picture) => picture.decode()")
    screen = Image.open(io.BytesIO(await page.screenshot())).convert("L")
    (found,) = zxingcpp.read_barcodes(screen)
    return found.text


async def shown_code(page: Page) -> str | None:
    """The code that the page says it shows."""
    return await page.locator("#digits").get_attribute("data-code")


async def test_a_scanner_reads_the_live_code_and_the_next_one_comes_by_itself(
    page: Page, times: Times
) -> None:
    await expect(page.locator("#shown-name")).to_have_text("测试甲")
    first = await read_screen(page)
    assert first.startswith("424")
    assert len(first) == 28
    await times.pass_s(page, LIFE_S - 1)
    assert await read_screen(page) == first
    await expect(page.locator("#left")).to_have_text("1")
    await times.pass_s(page, 1)
    await expect(page.locator("#digits")).not_to_have_attribute("data-code", first)
    second = await read_screen(page)
    assert second == await shown_code(page)
    assert second != first


async def test_a_code_that_cannot_be_refreshed_leaves_the_screen_and_the_page_goes_on_asking(
    page: Page, times: Times, book: CodeBook
) -> None:
    await expect(page.locator("#shown-name")).to_have_text("测试甲")
    first = await shown_code(page)
    unanswered: list[str] = []

    async def nobody(route: Route) -> None:
        unanswered.append(route.request.url)
        await route.abort()

    await page.route("**/api/**", nobody)
    await times.pass_s(page, LIFE_S)
    await expect(page.locator("#message")).to_contain_text("模拟器没有应答")
    await expect(page.locator("#code")).to_be_hidden()
    async with asyncio.timeout(PATIENCE_S):
        while len(unanswered) < 4:
            await times.pass_s(page, RETRY_S)
    await page.unroute("**/api/**")
    async with asyncio.timeout(PATIENCE_S):
        while await page.locator("#code").is_hidden():
            await times.pass_s(page, RETRY_S)
    await expect(page.locator("#digits")).not_to_have_attribute("data-code", first or "")
    assert await read_screen(page) == await shown_code(page)
    await expect(page.locator("#message")).to_have_text("")

    book.set_state(find(PEOPLE, "jia"), "FROZEN")
    await times.pass_s(page, LIFE_S)
    async with asyncio.timeout(PATIENCE_S):
        while "请联系医保经办机构" not in await page.locator("#message").inner_text():
            await times.pass_s(page, RETRY_S)
    await expect(page.locator("#code")).to_be_hidden()


async def test_activation_from_the_terms_to_the_first_code(page: Page, book: CodeBook) -> None:
    ren = find(PEOPLE, "ren")
    await page.locator("#who").select_option("ren")
    await expect(page.locator("#code")).to_be_hidden()
    await page.locator("#form-terms input").check()
    await page.locator("#form-terms button").click()
    await page.locator("#form-real_name [name=name]").fill(ren.name)
    await page.locator("#form-real_name [name=certno]").fill("999999199001010016")
    await page.locator("#form-real_name button").click()
    await expect(page.locator("#message")).to_contain_text("姓名或证件号码不符")
    await page.locator("#form-real_name [name=name]").fill(ren.name)
    await page.locator("#form-real_name [name=certno]").fill(ren.certno)
    await page.locator("#form-real_name button").click()
    await page.locator("#form-face button").click()
    await page.locator("#form-password input").fill("135790")
    await page.locator("#form-password button").click()
    await expect(page.locator("#shown-name")).to_have_text(ren.name)
    assert book.state(ren) == "ACTIVATED"
    assert await read_screen(page) == await shown_code(page)


async def test_a_family_member_is_one_touch_away_and_who_has_no_code_is_told_where_to_go(
    page: Page, book: CodeBook
) -> None:
    bing, message = find(PEOPLE, "bing"), page.locator("#message")
    await page.get_by_role("button", name="测试丙").click()
    await expect(page.locator("#shown-name")).to_have_text("测试丙")
    await page.get_by_role("button", name="本人").click()
    await expect(page.locator("#shown-name")).to_have_text("测试甲")
    book.set_state(bing, "FROZEN")
    await page.get_by_role("button", name="测试丙").click()
    await expect(message).to_contain_text("已冻结或注销")  # the page has not heard of it before
    await expect(page.locator("#code")).to_be_hidden()
    for state, words in WITHOUT_CODE.items():
        book.set_state(bing, state)
        await page.reload()
        await expect(page.locator("#shown-name")).to_have_text("测试甲")
        await page.get_by_role("button", name="测试丙").click()
        await expect(message).to_contain_text(words)
        for hidden in ("#code", "#activation"):
            await expect(page.locator(hidden)).to_be_hidden()
    await page.get_by_role("button", name="本人").click()
    await expect(page.locator("#code")).to_be_visible()
    await expect(message).to_have_text("")
    assert await read_screen(page) == await shown_code(page)
    await page.locator("#who").select_option("gui")
    await expect(message).to_contain_text("请联系医保经办机构")
    await expect(page.locator("#code")).to_be_hidden()
