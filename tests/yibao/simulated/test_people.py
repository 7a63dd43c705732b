"""The list of invented people: live facts beside kinds, and nobody's identity number."""

import datetime as dt

from simulators.people import load_people
from yibao.simulated.control import PersonRow
from yibao.simulated.people import rows_of

DAY = dt.date(2026, 11, 21)
LIVE = [PersonRow(row.slug, row.name, row.psn_no, row.certificate.state, 100) for row in load_people()]


def test_people_are_found_by_words_of_their_kinds_in_either_language() -> None:
    assert [row.slug for row in rows_of(LIVE, "pregnant employee", DAY)] == ["yunzhi"]
    assert [row.slug for row in rows_of(LIVE, "孕妇 职工", DAY)] == ["yunzhi"]
    assert [row.slug for row in rows_of(LIVE, "double enrolment", DAY)] == ["shuangcan"]
    assert rows_of(LIVE, "pregnant retired", DAY) == []
    assert len(rows_of(LIVE, day=DAY)) == len(LIVE)


def test_a_row_masks_the_identity_number_and_says_the_kinds_twice() -> None:
    (row,) = rows_of(LIVE, "suspended participation", DAY)
    assert (row.slug, row.certno, row.balance_fen) == ("tingbao", "999***********" + row.certno[-4:], 100)
    assert [(kind.id, kind.zh, kind.en) for kind in row.kinds] == [
        ("suspended", "参保暂停", "participation paused")
    ]
    shown = str(rows_of(LIVE, day=DAY))
    assert not [person.slug for person in load_people() if person.certno in shown]
