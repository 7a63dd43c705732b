"""`yibao rehearse`: from recorded quotes to the amounts that change; wrong files end in one clear error."""

from pathlib import Path

import pytest

from simulators.benefit.rehearsal import write_record
from tests.simulators.benefit.test_policies import shipped
from tests.simulators.benefit.test_rehearsal import QUOTES
from tests.yibao.cli.conftest import Call


@pytest.fixture
def record(tmp_path: Path) -> Path:
    """Two quotes: P01, which no ratio touches, and P20."""
    path = tmp_path / "quotes.json"
    path.write_bytes(write_record([QUOTES["P01 s1"], QUOTES["P20 s1"]]))
    return path


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    """Next year's policy of JH: 61 % instead of 60 % for P20."""
    head, name, tail = shipped("policies/JH.toml").partition("[chr.390.ratio.II]")
    text = (head + name + tail.replace('tier2 = "60%"', 'tier2 = "61%"', 1)).replace(
        "2020-01-01", "2027-01-01"
    )
    path = tmp_path / "JH-2027.toml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.usefixtures("record")
def test_the_policies_in_force_change_nothing(call: Call, tmp_path: Path) -> None:
    (tmp_path / "same.toml").write_text(shipped("policies/JH.toml"), encoding="utf-8")
    same = call(tmp_path, "rehearse", "quotes.json", "--policy", "same.toml")
    assert (same.returncode, same.stdout) == (
        0, "金额无变化：已重算 2 笔预结算。\nNo amount changes: 2 quotes calculated.\n",
    )  # fmt: skip
    found = call(tmp_path, "rehearse", "quotes.json", "--profile", "national", "--json").json
    assert found == {"quotes": 2, "changed": 0, "changes": [], "refused": [], "totals": {}}


@pytest.mark.usefixtures("record", "policy")
def test_every_amount_that_changes_is_listed_with_totals(call: Call, tmp_path: Path) -> None:
    found = call(tmp_path, "rehearse", "quotes.json", "--policy", "JH-2027.toml", "--json").json
    assert (found["quotes"], found["changed"]) == (2, 1)
    assert found["changes"][0] == {
        "quote": 2, "quoted_at": "2026-03-12 10:00:00", "field": "hifp_pay", "before_fen": 15600, "after_fen": 15860,
    }  # fmt: skip
    assert [row["field"] for row in found["changes"]] == [
        "hifp_pay", "fund_pay_sumamt", "psn_part_amt", "psn_cash_pay",
    ]  # fmt: skip
    assert found["totals"]["psn_cash_pay"] == {"before_fen": 22400, "after_fen": 22140}
    shown = call(tmp_path, "rehearse", "quotes.json", "--policy", "JH-2027.toml").stdout
    assert "统筹基金 Pooled fund hifp_pay" in shown
    assert "156.00" in shown
    assert "-2.60" in shown
    assert shown.endswith("2 笔预结算中有 1 笔变化。\n1 of 2 quotes change.\n")


@pytest.mark.usefixtures("record")
def test_what_would_be_refused_is_named(call: Call, tmp_path: Path) -> None:
    text = shipped("policies/JH.toml")
    begin, end = text.index("[chr.390]"), text.index("# 谈判药品")
    (tmp_path / "without.toml").write_text(text[:begin] + text[end:], encoding="utf-8")
    found = call(tmp_path, "rehearse", "quotes.json", "--policy", "without.toml", "--json").json
    assert found["refused"] == [{"quote": 2, "quoted_at": "2026-03-12 10:00:00", "code": "BENEFIT_NOT_OPEN"}]
    assert "BENEFIT_NOT_OPEN" in call(tmp_path, "rehearse", "quotes.json", "--policy", "without.toml").stdout


@pytest.mark.usefixtures("record")
@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("quotes.json",), 2, "Say what to rehearse"),
        (("nowhere.json", "--set", "GX"), 2, "nowhere.json: No such file or directory"),
        (("broken.json", "--set", "GX"), 1, "broken.json: is not JSON"),
        (("other.json", "--set", "GX"), 1, "other.json: Object missing required field `format`"),
        (("quotes.json", "--policy", "nowhere.toml"), 2, "nowhere.toml: No such file or directory"),
        (("quotes.json", "--policy", "broken.toml"), 1, "broken.toml: is not TOML"),
        (("quotes.json", "--policy", "bad.toml"), 1, "bad.toml: format: is missing"),
        (("quotes.json", "--set", "XX"), 1, "There is no policy set XX; there are CD, GX, JH, NC."),
        (("quotes.json", "--profile", "atlantis"), 1, "There is no profile atlantis"),
        (("quotes.json", "--profile", "bad.toml"), 1, "bad.toml: id: unknown key"),
    ],
)
def test_a_wrong_file_or_name_is_one_clear_error(
    words: tuple[str, ...], code: int, said: str, call: Call, tmp_path: Path
) -> None:
    for name, text in (
        ("broken.json", "{"),
        ("other.json", "{}"),
        ("broken.toml", "="),
        ("bad.toml", 'id = "JH"\n'),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    refused = call(tmp_path, "rehearse", *words)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
