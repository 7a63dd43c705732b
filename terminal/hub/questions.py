"""A question to the hub beside any sale: registers, catalogues, records, reconciliation. It moves no money."""

from typing import TypeVar

import msgspec

from drivers.interfaces.signer import SignerUnavailable
from protocols.hub.accounts import Download, DownloadInput
from protocols.hub.profile import Profile
from terminal.core.advancing import question_failed
from terminal.core.events import Answered, Heard, Misuse, NotSent
from terminal.core.outcome import judge
from terminal.counter.session import HubSession
from terminal.hub.client import FieldTooLong, HubClient, bare_file

Output = TypeVar("Output", bound=msgspec.Struct)


async def put_question(
    hub: HubClient,
    session: HubSession,
    profile: Profile,
    infno: str,
    content: msgspec.Struct,
    output_type: type[Output],
    insured: str = "",
) -> Output:
    """Ask and return the typed output. `insured` is the place where the person is insured, "" where it is about nobody.

    Raises `Misuse` in the words of a sale's own questions when the hub refuses, is silent, or is not the hub, and
    `JournalFailed` when no message number can be reserved.
    """
    _, heard = await ask_hub(hub, session, profile, infno, content, insured)
    if isinstance(heard, Answered) and heard.infcode == 0:
        if not isinstance(heard.output, output_type):
            raise Misuse("hub_answer_unusable", infno=infno)
        return heard.output
    raise _failed(heard, profile)


async def fetch_file(
    hub: HubClient, session: HubSession, profile: Profile, file_no: str, name: str, owner: str
) -> bytes:
    """Fetch a file with 9102. It comes bare, so nothing proves whose it is. Raises as `put_question`."""
    heard = await ask_file(hub, session, profile, file_no, name, owner)
    if isinstance(heard, bytes):
        return heard
    raise _failed(heard, profile)


async def ask_file(
    hub: HubClient,
    session: HubSession,
    profile: Profile,
    file_no: str,
    name: str,
    owner: str,
    insured: str = "",
) -> bytes | Heard:
    """Ask for a file with 9102. Return its bytes, else what was heard: an envelope instead of it is a refusal."""
    content = DownloadInput(download=Download(file_no=file_no, name=name, institution_code=owner))
    _, heard = await ask_hub(hub, session, profile, "9102", content, insured)
    file = bare_file(heard)
    return heard if file is None else file


async def ask_hub(
    hub: HubClient,
    session: HubSession,
    profile: Profile,
    infno: str,
    content: msgspec.Struct,
    insured: str,
) -> tuple[str, Heard]:
    """Ask, and once more when the hub has forgotten our sign-in. Return the message id and what was heard.

    The id is "" where no message was made. Raises `JournalFailed` when no message number can be reserved.
    """
    msgid, heard = await _once(hub, session, profile, infno, content, insured)
    if is_sign_in_lost(profile, heard):
        msgid, heard = await _once(hub, session, profile, infno, content, insured)
    return msgid, heard


def is_sign_in_lost(profile: Profile, heard: Heard) -> bool:
    """The hub refuses because it does not know our sign-in any more (fault F54): whoever asks next signs in first."""
    return isinstance(heard, Answered) and heard.infcode != 0 and profile.is_sign_in_lost(heard.err_msg)


async def _once(
    hub: HubClient,
    session: HubSession,
    profile: Profile,
    infno: str,
    content: msgspec.Struct,
    insured: str,
) -> tuple[str, Heard]:
    trouble = await session.ensure()
    if trouble is not None:
        return "", trouble
    sign_in_no = hub.sign_in_no
    try:
        message = await hub.compose_question(infno, content, insured)
    except SignerUnavailable:
        return "", NotSent("key_locked")
    except FieldTooLong as longer:
        return "", NotSent(f"too_long {longer.field}")
    heard = await hub.exchange(infno, message.msgid, message.body)
    if is_sign_in_lost(profile, heard):
        session.expire(sign_in_no)
    return message.msgid, heard


def _failed(heard: Heard, profile: Profile) -> Misuse:
    notice = question_failed(judge(heard, profile), heard, profile)
    return Misuse(notice.code, **notice.params)
