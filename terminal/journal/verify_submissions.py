"""The checker's part for submissions: where they stand is what the audit log says, and every message is the one that was kept."""

from collections.abc import Callable, Mapping
from typing import Any

import apsw

from protocols.gm.sm3 import sm3
from terminal.core.submission import SUBMISSION_MOVES
from terminal.journal.day_keys import DayKeys, PastTerm
from terminal.journal.store import dicts
from terminal.journal.submission_table import (
    SUBMISSION_COLUMNS,
    answer_place,
    request_place,
    submission_mac,
)
from terminal.journal.vault import BlobDamaged, Vault

Find = Callable[[str, str, str], None]
"""Code, where, text of a finding."""
_MOVES = frozenset((source.value, target.value) for source, target in SUBMISSION_MOVES)


def follow_submission(content: Mapping[str, Any], sequence: int, ends: dict[str, str], find: Find) -> None:
    """Follow one audit record about a submission; `ends` holds where each stands after it."""
    name, old, new = (str(content.get(key)) for key in ("object", "old", "new"))
    if content["action"] == "submit":
        if name in ends:
            find("transition", name, "was opened twice")
    elif ends.get(name) != old:
        find("transition", name, f"left {old} (record {sequence}) without being in it")
    elif old != new and (old, new) not in _MOVES:
        find("transition", name, f"{old} to {new} (record {sequence}) is not allowed")
    ends[name] = new


def check_submissions(
    connection: apsw.Connection,
    ends: Mapping[str, str],
    find: Find,
    vault: Vault | None,
    keys: DayKeys | None,
) -> None:
    """Check rows and messages; with the key also their codes and sealed blobs."""
    seen = set()
    rows = dicts(connection, "SELECT * FROM submission ORDER BY sequence")
    for expected, row in enumerate(rows, start=1):
        name = row["id"]
        seen.add(name)
        if row["sequence"] != expected:
            find("number", name, "a submission before this one is missing")
        if ends.get(name) != row["state"]:
            find("transition", name, f"is {row['state']}, the audit log says {ends.get(name)}")
        if vault is not None and keys is not None:
            _authentic(row, vault, keys, find)
    for name in sorted(ends.keys() - seen):
        find("transition", name, "is in the audit log and not in the table")
    _check_messages(connection, find, keys)


def _authentic(row: dict[str, Any], vault: Vault, keys: DayKeys, find: Find) -> None:
    plain = [row[name] for name in SUBMISSION_COLUMNS]
    if submission_mac(vault, plain, row["content"], row["result"]) != row["row_mac"]:
        find("row", row["id"], "was changed outside the terminal, or another key is in use")
        return
    try:
        for part in ("content", "result"):
            if row[part]:
                keys.open_if_in_term(f"submission.{part}:{row['id']}", row[part])
    except BlobDamaged:
        find("blob", row["id"], "content or result does not open in its place")


def _check_messages(connection: apsw.Connection, find: Find, keys: DayKeys | None) -> None:
    query = (
        "SELECT submission_attempt.*, submission.state AS where_it_stands FROM submission_attempt"
        " LEFT JOIN submission ON submission.id = submission_attempt.submission ORDER BY msgid"
    )
    for row in dicts(connection, query):
        msgid, stands = row["msgid"], row["where_it_stands"]
        if stands is None:
            find("attempt", msgid, "belongs to no submission")
            continue
        if row["state"] == "SENT" and stands != "SENT":
            find("attempt", msgid, f"has no outcome, but its submission is {stands}")
        if keys is not None:
            _check_bytes(row, keys, find)


def _check_bytes(row: dict[str, Any], keys: DayKeys, find: Find) -> None:
    msgid = row["msgid"]
    try:
        request = keys.open(request_place(msgid), row["request"])
        if row["answer"]:
            keys.open(answer_place(msgid), row["answer"])
    except PastTerm:
        return
    except BlobDamaged:
        find("blob", msgid, "request or answer does not open in its place")
        return
    if sm3(request) != row["request_sm3"]:
        find("blob", msgid, "the request is not the one whose hash was kept")
    if msgid.encode() not in request:
        find("blob", msgid, "the request carries another message id")
