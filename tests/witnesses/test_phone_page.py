"""The phone's page in Chromium: zxing reads the code from the screen, it changes by itself, and activation is walked."""

import datetime as dt
import io
from collections.abc import AsyncIterator
from random import Random

import pytest
import zxingcpp
from aiohttp.test_utils import TestServer
from PIL import Image
from playwright.async_api import Page, async_playwright, expect

from protocols.wire_time import WIRE_ZONE
from simulators.certificate_centre import Activation, CodeBook, Lives
from simulators.people import find, load_people
from simulators.phone import server
from tests.real_parts import require_real

PEOPLE = load_people()
LIFE_S = 2


@pytest.fixture
def book() -> CodeBook:
    """Codes that change every two seconds."""
    return CodeBook(PEOPLE, Random(1), Lives(code_life_s=LIFE_S))


@pytest.fixture
async def page(book: CodeBook) -> AsyncIterator[Page]:
    """The page of 测试甲's phone; an error in its console fails the test."""
    chromium = require_real("chromium")
    desk = server.PhoneDesk(PEOPLE, book, Activation(book, PEOPLE), lambda: dt.datetime.now(WIRE_ZONE))
    troubles: list[str] = []
    async with TestServer(server.build_app(desk)) as running, async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tab = await browser.new_page(viewport={"width": 420, "height": 860})
        tab.on("pageerror", lambda error: troubles.append(str(error)))
        tab.on(
            "console", lambda line: troubles.append(line.text) if "Content Security" in line.text else None
        )
        await tab.goto(f"{running.make_url('/')}#jia")
        yield tab
        await browser.close()
    assert troubles == []


async def read_screen(page: Page) -> str:
    """What a scanner in front of the screen reads, once digits and picture belong together."""
    await expect(page.locator("#picture")).to_have_js_property("complete", True)
    picture = Image.open(io.BytesIO(await page.screenshot())).convert("L")
    (found,) = zxingcpp.read_barcodes(picture)
    return found.text


async def test_a_scanner_reads_the_live_code_and_the_next_one_comes_by_itself(page: Page) -> None:
    await expect(page.locator("#shown-name")).to_have_text("测试甲")
    first = await read_screen(page)
    assert first.startswith("424")
    assert len(first) == 28
    await expect(page.locator("#digits")).not_to_have_attribute("data-code", first)
    second = await read_screen(page)
    assert second != first
    assert second == await page.locator("#digits").get_attribute("data-code")


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
    assert (await read_screen(page)).startswith("424")


async def test_a_family_member_is_one_touch_away_and_a_frozen_certificate_says_where_to_go(
    page: Page,
) -> None:
    await page.get_by_role("button", name="测试丙").click()
    await expect(page.locator("#shown-name")).to_have_text("测试丙")
    await page.locator("#who").select_option("gui")
    await expect(page.locator("#message")).to_contain_text("请联系医保经办机构")
    await expect(page.locator("#code")).to_be_hidden()
