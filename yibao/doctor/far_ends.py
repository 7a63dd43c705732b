"""The lines to hub, certificate centre and message broker."""

import ssl
from pathlib import Path

from drivers.interfaces.reach import Reached
from terminal.config import CounterFiles
from terminal.shapes.hub import HubView, Ping
from terminal.texts import Told, reason_in_words, tell
from yibao.doctor.report import Both, Fact, Part, part


def judge_hub(line: Reached, hub: HubView | None, ping: Ping | None, *, running: bool) -> Part:
    """Say how the hub is, from a look at its line and, when the service is ready, from its own exchanges."""
    facts = line_facts(line)
    if hub is not None:
        facts |= {
            "sign_in": hub.sign_in, "verified": hub.verified, "verified_age_s": hub.verified_age_s,
            "signed_answer_ms": hub.answer_ms, "verify_ms": hub.verify_ms, "clock_offset_ms": hub.clock_offset_ms,
            "asked_now": ping is not None and ping.asked_now,
        }  # fmt: skip
    if not line.ok:
        return part("hub", "hub_unreached", facts, reason=reason_text(line))
    connect = milliseconds(line.connect_ms)
    if hub is None or ping is None:
        if running:
            return part("hub", "hub_unasked", facts, connect=connect)
        return part(
            "hub", "hub_unsigned", facts, connect=connect, status=str(line.status), answer=milliseconds(line.answer_ms)
        )  # fmt: skip
    if hub.sign_in == "failed" or hub.answer_ms is None:
        return part("hub", "hub_not_signed_in", facts, reason=_in_words(hub.sign_in_reason or "timeout"))
    return part(
        "hub", "hub_good", facts, connect=connect, answer=milliseconds(hub.answer_ms), verify=milliseconds(hub.verify_ms)
    )  # fmt: skip


def judge_centre(line: Reached) -> Part:
    """Say how the certificate centre is: its answers are not signed, so that it answers is all there is to know."""
    facts = line_facts(line)
    if not line.ok:
        return part("centre", "centre_unreached", facts, reason=reason_text(line))
    return part(
        "centre", "centre_good", facts, connect=milliseconds(line.connect_ms), status=str(line.status),
        answer=milliseconds(line.answer_ms),
    )  # fmt: skip


def judge_broker(state: str, reason: str, detail: str) -> Part:
    """Say how the broker is, from what the running service says of it (device state, problem, detail)."""
    facts: dict[str, Fact] = {"problem": reason, "detail": detail}
    if reason == "not configured":
        return part("broker", "broker_not_configured")
    if state == "ready":
        return part("broker", "broker_good")
    if state == "opening":
        return part("broker", "broker_opening")
    if state == "absent":
        return part("broker", "broker_away", facts, reason=detail or reason)
    return part("broker", "broker_fault", facts, reason=_both(tell(f"broker_{reason}", {"detail": detail})))


def broker_context(files: CounterFiles) -> ssl.SSLContext | Part | None:
    """The trust for the broker; None for a plain line, a part when files of its settings cannot be used."""
    from drivers.interfaces.fleet_transport import FleetUnavailable
    from drivers.mqtt.tls import client_context
    from drivers.signers import KeyStoreError, read_password_file

    broker = files.config.broker

    def path(text: str) -> Path | None:
        return files.path(text) if text else None

    try:
        if broker.password_file:
            read_password_file(files.path(broker.password_file))
        if not broker.url.startswith("mqtts://"):
            return None
        return client_context(path(broker.ca), path(broker.certificate))
    except FleetUnavailable as unusable:
        code = f"broker_{unusable.problem.value}"
        return part(
            "broker", "broker_fault", {"problem": unusable.problem.value},
            reason=_both(tell(code, {"detail": unusable.detail})),
        )  # fmt: skip
    except KeyStoreError as refused:
        return part(
            "broker", "broker_fault", {"problem": refused.kind}, reason=Both(refused.chinese, refused.english)
        )


def judge_broker_line(line: Reached) -> Part:
    """Say how the broker is, from a look at its line alone."""
    facts = line_facts(line)
    if line.ok:
        return part("broker", "broker_reached", facts, connect=milliseconds(line.connect_ms))
    return part("broker", "broker_away", facts, reason=reason_text(line))


def line_facts(line: Reached) -> dict[str, Fact]:
    """Figures of a line, in milliseconds."""
    return {
        "address": line.address, "problem": line.reason, "detail": line.detail, "connect_ms": line.connect_ms,
        "tls_ms": line.tls_ms, "answer_ms": line.answer_ms, "http_status": line.status,
    }  # fmt: skip


def reason_text(line: Reached) -> Both:
    """Why a line is down, in words, with its address."""
    told = _in_words(line.reason)
    more = f": {line.detail}" if line.detail else ""
    return Both(f"{line.address}，{told.zh}{more}", f"{line.address}, {told.en}{more}")


def milliseconds(value: float | None) -> str:
    """A time for people."""
    return "-" if value is None else f"{value:.1f} ms"


def _in_words(reason: str) -> Both:
    """A machine word as the terminal's own catalogue says it; other texts as they are."""
    return Both(*reason_in_words(reason))


def _both(told: Told) -> Both:
    return Both(told.zh, told.en)
