"""No identity, name, token, code or medicine stands readable in the journal's files, whatever has happened."""

import base64
import json
from pathlib import Path

import pytest

from terminal.core.states import State
from tests.terminal.harness import PILLS, Shop, Till, virtual


async def a_day(shop: Shop) -> tuple[Till, list[str]]:
    """A sale, a cancellation, a reversal, a quarantine, a sale left open; the codes that were shown."""
    till = await shop.start()
    codes: list[str] = []

    async def quoted(number: str) -> str:
        opened = await till.open(number)
        codes.append(shop.code())
        return (await till.counter.media.give_code(opened.id, codes[-1])).id

    await till.counter.sales.confirm(await quoted("0001"), "T01")
    cancelled = await till.counter.sales.confirm(await quoted("0002"), "T01")
    await till.counter.sales.cancel(cancelled.id, "T01", "顾客改变主意")
    shop.arm("lose-answer", "2102")
    await till.counter.sales.confirm(await quoted("0003"), "T01")
    await till.quiet()
    shop.arm("other-person", "2102")
    await till.counter.sales.confirm(await quoted("0004"), "T01")
    await till.quiet()
    await quoted("0005")
    assert [state.value for state in till.states()] == [
        "CONFIRMED",
        "CANCELLED",
        "REVERSED",
        "REVERSED",
        "DRAFT",
    ]
    return till, codes


@pytest.mark.parametrize("killed", [False, True])
@virtual
async def test_nothing_of_a_person_can_be_read_in_the_files(killed: bool, tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till, codes = await a_day(shop)
    await (till.kill() if killed else till.stop())
    secrets = _secrets(shop, codes)
    files = {path.name: path.read_bytes() for path in sorted(_journal_files(tmp_path))}
    assert any(name.endswith("-wal") for name in files) is killed, "the log is looked at as well"
    found = [
        (file, name)
        for file, content in files.items()
        for name, secret in secrets.items()
        for form in _forms(secret)
        if form in content
    ]
    assert found == []


def _journal_files(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if path.name.startswith("journal")]


def _secrets(shop: Shop, codes: list[str]) -> dict[str, str]:
    secrets = {f"code {number}": code for number, code in enumerate(codes)}
    for person in shop.world.people:
        secrets |= {
            f"{person.slug} identity": person.certno,
            f"{person.slug} name": person.name,
            f"{person.slug} person number": person.psn_no,
        }
    tokens = list(shop.world.book._tokens)
    assert len(tokens) >= 5
    secrets |= {f"token {number}": token for number, token in enumerate(tokens)}
    return secrets | {"medicine": PILLS.name, "national code": PILLS.national_code}


def _forms(secret: str) -> set[bytes]:
    """The secret as it could stand in a file: plain, escaped for JSON, in other encodings, at each Base64 offset."""
    utf8 = secret.encode()
    forms = {
        utf8,
        json.dumps(secret).strip('"').encode(),
        secret.encode("utf-16-le"),
        secret.encode("gb18030"),
        utf8.hex().encode(),
    }
    for offset in range(3):
        encoded = base64.b64encode(b"\0" * offset + utf8)
        forms.add(encoded[4 if offset else 0 : -4])
    return {form for form in forms if len(form) >= 6}


@virtual
async def test_the_check_would_find_what_it_looks_for(tmp_path: Path) -> None:
    """The same search over the bytes that went over the wire finds everything."""
    shop = Shop(tmp_path)
    till, codes = await a_day(shop)
    wire = b"".join(attempt.request for row in till.rows() for attempt in till.journal.attempts.of(row.id))
    secrets = _secrets(shop, codes)
    jia = [
        name for name in ("jia identity", "jia name", "jia person number", "national code") if name in secrets
    ]
    assert [name for name in jia if not any(form in wire for form in _forms(secrets[name]))] == []
    await till.stop()


@virtual
async def test_the_same_person_has_one_stand_in_and_the_audit_log_names_it(tmp_path: Path) -> None:
    shop = Shop(tmp_path)
    till, _ = await a_day(shop)
    rows = [row for row in till.rows() if row.state is not State.DRAFT]
    assert {row.person for row in rows} == {till.journal.vault.pseudonym(shop.world.person("jia").psn_no)}
    named = {record["person"] for record in till.audit() if record.get("person")}
    assert named == {row.person for row in rows}
    await till.stop()
