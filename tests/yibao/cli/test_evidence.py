"""`yibao evidence export` as people use it: the lines that it prints are run as they stand."""

import subprocess
from pathlib import Path

from tests.real_parts import require_real
from tests.yibao.cli.conftest import Call

GOODS = "6901234567892"


def sell(call: Call, place: Path) -> str:
    """Settle one sale; return its id."""
    code = call(place, "sim", "phone", "code", "jia").stdout.strip()
    sold = call(place, "sale", "--item", GOODS, "--code", code, "--yes", "--json")
    assert sold.returncode == 0, sold.stderr
    return str(sold.json["id"])


def test_the_printed_lines_verify_the_file(call: Call, place: Path) -> None:
    require_real("openssl")
    sale = sell(call, place)
    done = call(place, "evidence", "export", sale)
    assert done.returncode == 0, done.stderr
    assert "identity numbers in clear" in done.stdout
    file = place / f"evidence-{sale}.zip"
    assert file.stat().st_mode & 0o777 == 0o600
    lines = done.stdout[done.stdout.index("umask 077") :]
    ran = subprocess.run(["sh", "-c", lines], cwd=place, capture_output=True, timeout=25, check=False)
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.count(b"Signature Verified Successfully") == 2
    assert (place / f"evidence-{sale}/messages").stat().st_mode & 0o777 == 0o700

    again = call(place, "evidence", "export", sale)
    assert again.returncode == 1
    assert "exists already" in again.stderr
    other = call(place, "evidence", "export", sale, "--out", "other.zip", "--json").json
    assert (other["path"], other["settlement_id"], other["unproved"]) == ("other.zip", sale, [])
    assert (place / "other.zip").read_bytes()[:2] == b"PK"


def test_without_a_sale_nothing_is_written(call: Call, place: Path) -> None:
    done = call(place, "evidence", "export", "S000000000000000000000000", "--out", "none.zip")
    assert done.returncode == 1
    assert "No sale" in done.stderr
    assert not (place / "none.zip").exists()
