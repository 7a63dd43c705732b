"""`yibao visit` and `yibao sim card` against a clinic's counter: real processes, a real card service, a real broker."""

import os
import pty
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from simulators.people import find, load_people
from tests.real_parts import require_real, require_real_module
from tests.yibao.cli.conftest import Call
from tests.yibao.cli.processes import COMMAND, LIMIT_S, Running, environment, run

pytestmark = pytest.mark.timeout(90)

AT_CLINIC = ("--counter", "sim/clinic.toml")
CERTNO = find(load_people(), "yi").certno
DIAGNOSIS = ("--diagnosis", "E11.900:2型糖尿病")
PRESCRIPTION = (
    "--item", "6901234500097*8", "--item", "6901234567892*4", "--line", "TTEST000000000000S01,SRV1,门诊诊察费,10.00",
)  # fmt: skip
"""389.68 + 50.00 + 10.00 = 449.68; 85 % of the 430.20 in scope = 365.67 from the fund, 84.01 from the person."""
TABLETS = ("--item", "6901234567892")


@pytest.fixture(scope="module")
def clinic() -> Iterator[Path]:
    """A folder with a simulated world that is up, and the service of its clinic."""
    require_real_module("smartcard.scard")
    require_real("pcscd")
    with tempfile.TemporaryDirectory(prefix="yb") as name:
        folder = Path(name)
        with Running(["sim", "up"], folder) as sim:
            sim.wait_for("yibao visit")
            with Running(["run", *AT_CLINIC], folder) as service:
                service.wait_for("The service answers")
                yield folder


def test_a_visit_with_the_card_is_settled_as_worked_out_by_hand_and_its_cancellation_ends_clean(
    call: Call, clinic: Path
) -> None:
    inserted = call(clinic, "sim", "card", "insert", "测试乙", "--json")
    assert (inserted.json["card"], inserted.json["reader"]) == ("yi", "Virtual PCD 00 00")
    ended = call(clinic, "visit", "--card", *DIAGNOSIS, *PRESCRIPTION, "--number", "V1", "--yes", *AT_CLINIC)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "M01600" in ended.stdout
    for amount in ("449.68", "365.67", "50.00", "34.01"):
        assert amount in ended.stdout
    assert "Settled." in ended.stdout
    visit = call(clinic, "status", "V1", "--json", *AT_CLINIC).json
    assert (visit["flow"], visit["disease_code"]) == ("clinic_visit", "M01600")
    (row,) = call(clinic, "sim", "hub", "ledger", "--msgid", visit["msgid"], "--json").json
    assert (row["fund_fen"], row["account_fen"], row["cash_fen"]) == (36567, 5000, 3401)
    assert (row["infno"], row["mdtrt_id"]) == ("2207A", visit["visit_id"])
    slip = call(clinic, "sim", "printer", "paper", "--clinic").stdout
    assert visit["receipt_number"] in slip
    assert "门诊慢特病" in slip
    assert call(clinic, "sim", "card", "remove", "--json").json["card"] == ""

    cancelled = call(clinic, "cancel", "V1", "--reason", "开错药", "--yes", *AT_CLINIC)
    assert cancelled.returncode == 0, cancelled.stderr
    sent = [
        one["infno"] for one in call(clinic, "journal", "show", "V1", "--json", *AT_CLINIC).json["attempts"]
    ]
    assert sent[:5] == ["2201", "2203A", "2204", "2207A", "2208"]


def test_one_of_two_boxes_comes_back_from_a_script_and_the_other_is_settled_in_a_new_visit(
    call: Call, clinic: Path
) -> None:
    def code() -> str:
        return call(clinic, "sim", "phone", "code", "yi").stdout.strip()

    two = ("--item", "6901234567892*2")
    sold = call(clinic, "visit", "--code", code(), *DIAGNOSIS, *two, "--number", "F1", "--yes", *AT_CLINIC)
    assert sold.returncode == 0, sold.stderr
    back = ("--return", "1=1", "--yes", "--json", *AT_CLINIC)
    waiting = call(clinic, "refund", "F1", "--code", code(), *back)
    assert (waiting.returncode, waiting.json["state"]) == (3, "DRAFT"), waiting.stderr
    rest = waiting.json["id"]
    assert (
        f"yibao refund --counter sim/clinic.toml {rest} --code CODE --diagnosis CODE:NAME" in waiting.stderr
    )
    assert "nobody owes anything" not in waiting.stderr
    done = call(clinic, "refund", rest, "--code", code(), *DIAGNOSIS, "--yes", "--json", *AT_CLINIC)
    assert done.returncode == 0, done.stderr
    assert (done.json["flow"], done.json["settled"]["total_fen"]) == ("clinic_visit", 1250)


def test_without_a_card_in_the_reader_the_visit_says_so_and_nothing_stands_at_the_hub(
    call: Call, clinic: Path
) -> None:
    call(clinic, "sim", "card", "remove")
    ended = call(
        clinic, "visit", "--card", *DIAGNOSIS, *TABLETS, "--number", "N1", "--yes", "--json", *AT_CLINIC
    )
    assert ended.returncode == 1
    assert "There is no card in the reader" in ended.stderr
    assert "Nothing stands at the hub" in ended.stderr
    assert (ended.json["state"], ended.json["visit_id"]) == ("ABANDONED", "")
    assert call(clinic, "journal", "show", "N1", "--json", *AT_CLINIC).json["attempts"] == []


def test_everything_typed_in_and_given_up_at_the_quote_is_withdrawn_from_the_hub(
    call: Call, clinic: Path
) -> None:
    typed = "\n".join(
        (CERTNO, "2", "1", "no colon", "E11.900：2型糖尿病", "abc", "6901234567892*2", "", "n", "")
    )
    ended = run("visit", "--id-number", "--number", "T1", *AT_CLINIC, cwd=clinic, given=typed)
    assert ended.returncode == 1, ended.stdout + ended.stderr
    for word in (
        "M01600",
        "Type the diagnosis",
        "The article abc makes no sense",
        "21.25",
        "is being withdrawn",
    ):
        assert word in ended.stdout, word
    assert CERTNO not in ended.stdout + ended.stderr
    while call(clinic, "status", "T1", "--json", *AT_CLINIC).json["withdrawals_owed"]:
        pass
    history = call(clinic, "journal", "show", "T1", "--json", *AT_CLINIC).json
    assert history["settlement"]["state"] == "ABANDONED"
    sent = [(one["infno"], one["verdict"]) for one in history["attempts"]]
    assert sent == [(infno, "done") for infno in ("2201", "2203A", "2204", "2205", "2202")]


def test_a_number_typed_at_a_terminal_is_not_shown(clinic: Path) -> None:
    keyboard, terminal = pty.openpty()
    try:
        with subprocess.Popen(
            [*COMMAND, "visit", "--id-number", "--number", "P1", *AT_CLINIC], cwd=clinic, env=environment(TERM="dumb"),
            stdin=terminal, stdout=terminal, stderr=terminal, start_new_session=True,
        ) as visit:  # fmt: skip
            shown = _shown_until(keyboard, "(not shown):")
            os.write(keyboard, f"{CERTNO}\n".encode())
            shown += _shown_until(keyboard, "Type the diagnosis")
            os.write(keyboard, b"E11.900:x\n")
            shown += _shown_until(keyboard, "E11.900:x")
            shown += _shown_until(keyboard, "Scan or type what was prescribed")
            os.write(keyboard, b"q\n")
            assert visit.wait(LIMIT_S) == 1
    finally:
        os.close(keyboard)
        os.close(terminal)
    assert CERTNO not in shown


def _shown_until(keyboard: int, text: str) -> str:
    shown = b""
    while text.encode() not in shown:
        shown += os.read(keyboard, 4096)
    return shown.decode("utf-8", "replace")


def test_a_disease_that_is_not_filed_is_never_replaced_by_another(call: Call, clinic: Path) -> None:
    call(clinic, "sim", "card", "insert", "yi")
    ended = call(
        clinic, "visit", "--card", *DIAGNOSIS, *TABLETS, "--disease", "m03900", "--number", "D1", "--yes", *AT_CLINIC
    )  # fmt: skip
    assert ended.returncode == 1
    assert "This disease is not filed for the person" in ended.stdout
    assert call(clinic, "journal", "show", "D1", "--json", *AT_CLINIC).json["attempts"] == []


def test_a_person_without_a_filing_is_given_up_and_books_nothing(call: Call, clinic: Path) -> None:
    call(clinic, "sim", "card", "insert", "jia")
    ended = call(clinic, "visit", "--card", *DIAGNOSIS, *TABLETS, "--number", "J1", "--yes", *AT_CLINIC)
    assert ended.returncode == 1
    assert call(clinic, "status", "J1", "--json", *AT_CLINIC).json["state"] == "ABANDONED"


def test_ctrl_c_before_the_quote_gives_the_visit_up_in_one_line(clinic: Path) -> None:
    with Running(["visit", "--number", "C1", *AT_CLINIC], clinic, errors_too=True) as visit:
        visit.wait_for("Insert the card and press Enter")
        assert visit.send(signal.SIGINT) == 130
    assert "Interrupted: visit C1 is given up, nothing was settled." in visit.seen
    assert "Traceback" not in visit.seen


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("--card", "--id-number"), "Only one of --card"),
        (("--diagnosis", "diabetes"), "--diagnosis diabetes makes no sense"),
    ],
)
def test_options_that_make_no_sense_are_exit_code_2(
    call: Call, clinic: Path, arguments: tuple[str, ...], word: str
) -> None:
    ended = call(clinic, "visit", *arguments, *AT_CLINIC)
    assert (ended.returncode, word in ended.stderr) == (2, True)


def test_a_pharmacy_has_no_visits(call: Call, place: Path) -> None:
    ended = call(place, "visit", "--card")
    assert ended.returncode == 1
    assert "belongs to a pharmacy (P99990000001)" in ended.stderr


def test_a_card_that_does_not_exist_is_told(call: Call, clinic: Path, tmp_path: Path) -> None:
    nobody = call(clinic, "sim", "card", "insert", "nobody")
    assert (nobody.returncode, "nobody is called nobody" in nobody.stderr) == (1, True)
    image = tmp_path / "card.toml"
    image.write_text('label = "x"\narea = "430000"\nhistorical = "00"\n')
    foreign = call(clinic, "sim", "card", "insert", str(image))
    assert (foreign.returncode, "only 999999 is allowed" in foreign.stderr) == (1, True)


def test_two_worlds_side_by_side_have_cards_of_their_own(call: Call, clinic: Path, fresh_place: Path) -> None:
    with Running(["sim", "up"], fresh_place) as sim:
        sim.wait_for("yibao visit")
        with Running(["run", *AT_CLINIC], fresh_place) as service:
            service.wait_for("The service answers")
            call(clinic, "sim", "card", "insert", "yi")
            assert call(fresh_place, "sim", "card", "state", "--json").json["card"] == ""
            while call(fresh_place, "status", "--json", *AT_CLINIC).json["phase"] != "ready":
                pass  # it answers before it is ready; the test has a time limit
            empty = call(fresh_place, "card", "read", "--json", *AT_CLINIC)
            assert (empty.returncode, "no card in the reader" in empty.stderr) == (1, True)
            call(fresh_place, "sim", "card", "insert", "ding")
            here = call(clinic, "card", "read", "--json", *AT_CLINIC).json
            there = call(fresh_place, "card", "read", "--json", *AT_CLINIC).json
            assert (here["generation"], there["generation"]) == (2, 3)
            assert call(clinic, "sim", "card", "state", "--json").json["card"] == "yi"
            for folder in (clinic, fresh_place):
                devices = call(folder, "devices", "--json", *AT_CLINIC).json
                assert {one["state"] for one in devices if one["name"] == "reader"} == {"ready"}
