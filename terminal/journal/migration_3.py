"""The text of migration 3 as it was released: tables for what changes the hub outside a settlement. It never changes again."""

from typing import Final

SUBMISSIONS: Final = """
CREATE TABLE submission (
    id TEXT PRIMARY KEY,
    sequence INTEGER NOT NULL UNIQUE CHECK (sequence >= 1),
    client TEXT NOT NULL,
    key TEXT NOT NULL,
    part INTEGER NOT NULL CHECK (part >= 1),
    fingerprint BLOB NOT NULL CHECK (length(fingerprint) = 32),
    business_date TEXT NOT NULL,
    kind TEXT NOT NULL,
    infno TEXT NOT NULL,
    opened_at TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('WAITING', 'SENT', 'UNKNOWN', 'HELD', 'ACCEPTED', 'PARTLY', 'REFUSED', 'GIVEN_UP')),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    unanswered INTEGER NOT NULL CHECK (unanswered >= 0),
    reason TEXT NOT NULL,
    due_at TEXT,
    changed_at TEXT NOT NULL,
    content BLOB NOT NULL,
    result BLOB,
    row_mac BLOB NOT NULL,
    UNIQUE (client, key, part),
    CHECK (state NOT IN ('WAITING', 'UNKNOWN') OR due_at IS NOT NULL)
) STRICT;

CREATE INDEX submission_open ON submission (sequence) WHERE state NOT IN ('ACCEPTED', 'GIVEN_UP', 'PARTLY', 'REFUSED');
CREATE INDEX submission_by_date ON submission (business_date);

CREATE TRIGGER submission_begins_waiting BEFORE INSERT ON submission WHEN NEW.state <> 'WAITING'
BEGIN SELECT RAISE(ABORT, 'a submission begins before its message'); END;

CREATE TRIGGER submission_moves_by_rule BEFORE UPDATE OF state ON submission
WHEN NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN ('HELD ACCEPTED', 'HELD GIVEN_UP', 'HELD WAITING',
    'SENT ACCEPTED', 'SENT GIVEN_UP', 'SENT HELD', 'SENT PARTLY', 'SENT REFUSED', 'SENT UNKNOWN', 'SENT WAITING',
    'UNKNOWN ACCEPTED', 'UNKNOWN GIVEN_UP', 'UNKNOWN HELD', 'UNKNOWN SENT', 'UNKNOWN WAITING', 'WAITING GIVEN_UP', 'WAITING HELD',
    'WAITING SENT', 'WAITING UNKNOWN')
BEGIN SELECT RAISE(ABORT, 'a submission does not go this way'); END;

CREATE TRIGGER submission_is_sent_on_disk BEFORE UPDATE OF state ON submission
WHEN NEW.state = 'SENT' AND NOT EXISTS (SELECT 1 FROM submission_attempt WHERE submission = NEW.id AND state = 'SENT')
BEGIN SELECT RAISE(ABORT, 'no message of this submission is on disk'); END;

CREATE TRIGGER submission_is_kept BEFORE DELETE ON submission
BEGIN SELECT RAISE(ABORT, 'submissions are never deleted'); END;

CREATE TRIGGER submission_content_is_fixed
BEFORE UPDATE OF id, sequence, client, key, part, fingerprint, business_date, kind, infno, opened_at, content ON submission
BEGIN SELECT RAISE(ABORT, 'what is submitted never changes'); END;

CREATE TABLE submission_attempt (
    msgid TEXT PRIMARY KEY,
    submission TEXT NOT NULL REFERENCES submission (id),
    infno TEXT NOT NULL,
    key_id TEXT NOT NULL,
    request BLOB NOT NULL,
    request_sm3 BLOB NOT NULL CHECK (length(request_sm3) = 32),
    state TEXT NOT NULL CHECK (state IN ('SENT', 'UNSENT', 'ANSWERED', 'UNKNOWN')),
    verdict TEXT,
    answer BLOB,
    sent_at TEXT NOT NULL,
    sent_monotonic REAL NOT NULL,
    boot_id TEXT NOT NULL,
    ended_at TEXT
) STRICT;

CREATE INDEX submission_attempt_by_submission ON submission_attempt (submission);
CREATE UNIQUE INDEX one_open_message_per_submission ON submission_attempt (submission) WHERE state = 'SENT';

CREATE TRIGGER submission_attempt_begins_as_sent BEFORE INSERT ON submission_attempt WHEN NEW.state <> 'SENT'
BEGIN SELECT RAISE(ABORT, 'an attempt begins before its outcome'); END;

CREATE TRIGGER submission_attempt_bytes_are_fixed
BEFORE UPDATE OF msgid, submission, infno, key_id, request, request_sm3 ON submission_attempt
BEGIN SELECT RAISE(ABORT, 'sent bytes never change'); END;

CREATE TRIGGER submission_attempt_moves_by_rule BEFORE UPDATE OF state ON submission_attempt
WHEN NEW.state <> OLD.state AND OLD.state <> 'SENT'
BEGIN SELECT RAISE(ABORT, 'the outcome of an attempt never changes'); END;

CREATE TRIGGER submission_attempt_is_kept BEFORE DELETE ON submission_attempt
BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END;
"""
