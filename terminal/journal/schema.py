"""Tables, constraints and triggers of the journal (SQLite, STRICT tables).

The guards repeat in SQL what Python already checks, on purpose: two independent guards, so that a bug in one is stopped
by the other. The most important are the two partial unique indexes: one live settlement per sale number, and one
settlement message per settlement for ever.

`settlement` and `attempt` keep their row ids: their blobs are too long for the leaves of a WITHOUT ROWID table and would
spill into overflow pages with every write.
"""

from terminal.core.states import ALLOWED, SALE_KEY_FREE, State
from terminal.core.submission import OVER, SUBMISSION_MOVES, SubmissionState

SCHEMA_VERSION = 3


def _quoted(values: list[str]) -> str:
    return ", ".join(f"'{value}'" for value in values)


_STATES = _quoted([state.value for state in State])
_FREE = _quoted(sorted(state.value for state in SALE_KEY_FREE))
NOT_OVER = f"state NOT IN ('CLOSED', {_FREE})"
"""What still wants something; SQLite uses the index below only where these very words are asked for."""
# Two indexed looks instead of one at every row that ever was: `OR` would read them all.
UNFINISHED = (
    f"SELECT id FROM settlement INDEXED BY settlement_by_state WHERE {NOT_OVER}"
    " UNION ALL SELECT settlement FROM reversal_queue"
)
"""Query for the ids of every settlement that is not over, or over but with tries still in the queue."""
KEYS_IN_USE = f"SELECT DISTINCT key_id FROM attempt WHERE settlement IN ({UNFINISHED})"
"""Query for the ids of the keys that signed a message of one of those."""
_TAKEN_UP_AGAIN = "quarantine = 1 AND state IN ('REVERSING', 'REVERSED_ONCE', 'MANUAL')"
"""A reversal taken up again after the day's reconciliation: its sale may have been settled anew in the meantime."""

_SUBMISSION_STATES = _quoted([state.value for state in SubmissionState])
SUBMISSION_OPEN = f"state NOT IN ({_quoted(sorted(state.value for state in OVER))})"
"""What still wants something, the terminal's work or a person's word; the index below is used where these very words stand."""
_SUBMISSION_MOVES = _quoted(sorted(f"{source.value} {target.value}" for source, target in SUBMISSION_MOVES))

CREATE = f"""
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT;

CREATE TABLE transition_rule (
    source TEXT NOT NULL, target TEXT NOT NULL, PRIMARY KEY (source, target)
) STRICT, WITHOUT ROWID;

CREATE TABLE settlement (
    id TEXT PRIMARY KEY,
    institution TEXT NOT NULL,
    till TEXT NOT NULL,
    sale_number TEXT NOT NULL,
    business_date TEXT NOT NULL,
    generation INTEGER NOT NULL CHECK (generation >= 1),
    terminal_sequence INTEGER NOT NULL UNIQUE,
    lane TEXT NOT NULL,
    flow TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ({_STATES})),
    person TEXT,
    total_fen INTEGER CHECK (total_fen >= 0),
    fund_fen INTEGER CHECK (fund_fen >= 0),
    account_fen INTEGER CHECK (account_fen >= 0),
    mutual_aid_fen INTEGER CHECK (mutual_aid_fen >= 0),
    cash_fen INTEGER CHECK (cash_fen >= 0),
    hospital_fen INTEGER CHECK (hospital_fen >= 0),
    mutual_aid_beside INTEGER NOT NULL DEFAULT 0 CHECK (mutual_aid_beside IN (0, 1)),
    quarantine INTEGER NOT NULL DEFAULT 0 CHECK (quarantine IN (0, 1)),
    opened_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    doubt_since TEXT,
    sheet BLOB NOT NULL,
    row_mac BLOB NOT NULL,
    identity BLOB,
    UNIQUE (institution, till, sale_number, business_date, generation),
    CHECK (total_fen IS NULL OR
           total_fen = fund_fen + account_fen + cash_fen + hospital_fen
                     + CASE mutual_aid_beside WHEN 1 THEN mutual_aid_fen ELSE 0 END),
    CHECK (total_fen IS NULL OR mutual_aid_beside = 1 OR mutual_aid_fen <= account_fen),
    CHECK ((total_fen IS NULL) + (fund_fen IS NULL) + (account_fen IS NULL) + (mutual_aid_fen IS NULL) + (cash_fen IS NULL)
           + (hospital_fen IS NULL) IN (0, 6))
) STRICT;

CREATE UNIQUE INDEX one_live_settlement_per_sale
    ON settlement (institution, till, sale_number, business_date)
    WHERE state NOT IN ({_FREE}) AND NOT ({_TAKEN_UP_AGAIN});
CREATE INDEX settlement_by_state ON settlement (state) WHERE {NOT_OVER};
CREATE INDEX settlement_by_date ON settlement (business_date, terminal_sequence);

CREATE TRIGGER settlement_moves_by_rule BEFORE UPDATE OF state ON settlement
WHEN NEW.state <> OLD.state
 AND NOT EXISTS (SELECT 1 FROM transition_rule WHERE source = OLD.state AND target = NEW.state)
BEGIN SELECT RAISE(ABORT, 'transition not allowed'); END;

CREATE TRIGGER settlement_is_kept BEFORE DELETE ON settlement
BEGIN SELECT RAISE(ABORT, 'settlements are never deleted'); END;

CREATE TRIGGER settlement_key_is_fixed
BEFORE UPDATE OF id, institution, till, sale_number, business_date, generation, terminal_sequence, lane, flow ON settlement
BEGIN SELECT RAISE(ABORT, 'the sale key never changes'); END;

CREATE TABLE attempt (
    msgid TEXT PRIMARY KEY,
    settlement TEXT NOT NULL REFERENCES settlement (id),
    lane TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('SETTLE', 'REVERSE', 'CANCEL', 'STEP')),
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

CREATE INDEX attempt_by_settlement ON attempt (settlement);
CREATE UNIQUE INDEX one_settle_attempt_in_a_life ON attempt (settlement) WHERE purpose = 'SETTLE';
CREATE UNIQUE INDEX one_open_conversation_per_lane ON attempt (lane) WHERE state = 'SENT';

CREATE TRIGGER attempt_bytes_are_fixed BEFORE UPDATE OF msgid, settlement, purpose, infno, key_id, request, request_sm3 ON attempt
WHEN NOT (NEW.request = x'' AND NEW.msgid = OLD.msgid AND NEW.settlement = OLD.settlement AND NEW.purpose = OLD.purpose
          AND NEW.infno = OLD.infno AND NEW.key_id = OLD.key_id AND NEW.request_sm3 = OLD.request_sm3
          AND EXISTS (SELECT 1 FROM settlement, day_key WHERE settlement.id = OLD.settlement
                      AND day_key.day = settlement.business_date AND day_key.purpose = 'evidence'
                      AND day_key.deleted_at IS NOT NULL))
BEGIN SELECT RAISE(ABORT, 'sent bytes never change'); END;
CREATE TRIGGER attempt_is_kept BEFORE DELETE ON attempt
BEGIN SELECT RAISE(ABORT, 'attempts are never deleted'); END;

CREATE TRIGGER attempt_moves_by_rule BEFORE UPDATE OF state ON attempt
WHEN NEW.state <> OLD.state AND OLD.state <> 'SENT' AND NOT (OLD.state = 'UNSENT' AND NEW.state = 'SENT')
BEGIN SELECT RAISE(ABORT, 'the outcome of an attempt never changes'); END;

CREATE TRIGGER attempt_begins_as_sent BEFORE INSERT ON attempt WHEN NEW.state <> 'SENT'
BEGIN SELECT RAISE(ABORT, 'an attempt begins before its outcome'); END;

CREATE TABLE reversal_queue (
    settlement TEXT PRIMARY KEY REFERENCES settlement (id),
    tries INTEGER NOT NULL CHECK (tries >= 0),
    due_at TEXT NOT NULL,
    last_verdict TEXT NOT NULL,
    quiet_stage INTEGER NOT NULL CHECK (quiet_stage IN (0, 1, 2))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER only_what_is_open_is_queued BEFORE INSERT ON reversal_queue
WHEN EXISTS (SELECT 1 FROM settlement WHERE id = NEW.settlement
             AND (state IN ('DRAFT', 'PRICED', 'ARMED')
                  OR (flow <> 'clinic_visit' AND (state IN ('DELIVERED', 'CLOSED') OR (state = 'CONFIRMED' AND quarantine = 0)))))
BEGIN SELECT RAISE(ABORT, 'nothing is open in this settlement'); END;

CREATE TABLE idempotency (
    client TEXT NOT NULL, key TEXT NOT NULL, fingerprint BLOB NOT NULL, settlement TEXT NOT NULL REFERENCES settlement (id),
    created_at TEXT NOT NULL, PRIMARY KEY (client, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE receipt (
    id INTEGER PRIMARY KEY,
    settlement TEXT NOT NULL REFERENCES settlement (id),
    kind TEXT NOT NULL CHECK (kind IN ('original', 'copy', 'cancellation', 'doubt', 'reversed')),
    copy_number INTEGER NOT NULL CHECK (copy_number >= 0),
    content_sm3 BLOB CHECK (length(content_sm3) = 32),
    state TEXT NOT NULL CHECK (state IN ('waiting', 'printing', 'printed', 'printed_unverified', 'unknown')),
    created_at TEXT NOT NULL,
    changed_at TEXT NOT NULL,
    CHECK ((kind = 'copy') = (copy_number > 0))
) STRICT;

CREATE UNIQUE INDEX one_original_receipt ON receipt (settlement, kind) WHERE kind <> 'copy';
CREATE UNIQUE INDEX one_copy_of_a_number ON receipt (settlement, copy_number) WHERE kind = 'copy';
CREATE INDEX receipt_waiting ON receipt (id) WHERE state IN ('waiting', 'printing');

CREATE TRIGGER receipt_moves_by_rule BEFORE UPDATE OF state ON receipt
WHEN NEW.state <> OLD.state
 AND NOT ((OLD.state = 'waiting' AND NEW.state IN ('printing', 'unknown'))
          OR (OLD.state = 'printing' AND NEW.state IN ('waiting', 'printed', 'printed_unverified', 'unknown')))
BEGIN SELECT RAISE(ABORT, 'a slip does not go this way'); END;

CREATE TRIGGER receipt_begins_waiting BEFORE INSERT ON receipt WHEN NEW.state <> 'waiting'
BEGIN SELECT RAISE(ABORT, 'a slip is owed before it is printed'); END;

CREATE TRIGGER receipt_is_kept BEFORE DELETE ON receipt
BEGIN SELECT RAISE(ABORT, 'slips are never forgotten'); END;

CREATE TRIGGER receipt_identity_is_fixed BEFORE UPDATE OF id, settlement, kind, copy_number ON receipt
BEGIN SELECT RAISE(ABORT, 'a slip stays what it is'); END;

CREATE TABLE audit (
    sequence INTEGER PRIMARY KEY,
    previous BLOB NOT NULL CHECK (length(previous) = 32),
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    record BLOB NOT NULL
) STRICT;
CREATE TRIGGER audit_is_written_once BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is never changed'); END;
CREATE TRIGGER audit_is_kept BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit log is never shortened'); END;

CREATE TABLE code_seen (
    mark TEXT PRIMARY KEY, settlement TEXT NOT NULL, seen_at TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    class TEXT NOT NULL CHECK (class IN ('telemetry', 'evidence')),
    message_id TEXT NOT NULL UNIQUE,
    channel TEXT NOT NULL,
    payload BLOB NOT NULL,
    created_at TEXT NOT NULL
) STRICT;

CREATE TABLE day_key (
    day TEXT NOT NULL,
    purpose TEXT NOT NULL CHECK (purpose IN ('identity', 'evidence')),
    wrapped BLOB,
    made_at TEXT NOT NULL,
    deleted_at TEXT,
    PRIMARY KEY (day, purpose),
    CHECK ((wrapped IS NULL) = (deleted_at IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE TRIGGER day_key_is_written_once BEFORE UPDATE ON day_key
BEGIN SELECT RAISE(ABORT, 'a day key never changes'); END;

CREATE TABLE anchor (
    sequence INTEGER PRIMARY KEY CHECK (sequence >= 1),
    head BLOB NOT NULL CHECK (length(head) = 32),
    made_at TEXT NOT NULL,
    boot_id TEXT NOT NULL,
    key_id TEXT NOT NULL,
    signature BLOB NOT NULL CHECK (length(signature) = 64)
) STRICT;
CREATE TRIGGER anchor_is_written_once BEFORE UPDATE ON anchor BEGIN SELECT RAISE(ABORT, 'anchors are never changed'); END;
CREATE TRIGGER anchor_is_kept BEFORE DELETE ON anchor BEGIN SELECT RAISE(ABORT, 'anchors are never removed'); END;

CREATE TABLE sequence (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;

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
    state TEXT NOT NULL CHECK (state IN ({_SUBMISSION_STATES})),
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

CREATE INDEX submission_open ON submission (sequence) WHERE {SUBMISSION_OPEN};
CREATE INDEX submission_by_date ON submission (business_date);

CREATE TRIGGER submission_begins_waiting BEFORE INSERT ON submission WHEN NEW.state <> 'WAITING'
BEGIN SELECT RAISE(ABORT, 'a submission begins before its message'); END;

CREATE TRIGGER submission_moves_by_rule BEFORE UPDATE OF state ON submission
WHEN NEW.state <> OLD.state AND OLD.state || ' ' || NEW.state NOT IN ({_SUBMISSION_MOVES})
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

RULES = tuple(sorted((source.value, target.value) for source, target in ALLOWED))
