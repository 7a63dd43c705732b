"""What a reconciliation asks of the hub: totals (3201), lines (9101, 3202), and the file with the result (9102)."""

import datetime as dt
from collections.abc import Sequence
from typing import TypeVar

import msgspec

from protocols.hub.accounts import (
    DetailCheck,
    DetailCheckInput,
    DetailCheckOutput,
    DetailRow,
    ResultFile,
    TotalsCheck,
    TotalsCheckInput,
    TotalsCheckOutput,
    Upload,
    UploadInput,
    UploadOutput,
    byte_list,
    detail_text,
    pack,
)
from protocols.hub.profile import Profile
from protocols.money import Fen
from terminal.core.events import Answered, Heard
from terminal.counter.session import HubSession
from terminal.hub.client import HubClient, Institution
from terminal.hub.questions import ask_file, ask_hub
from terminal.reconciliation.books import OwnRecord, sums_of
from terminal.reconciliation.report import Group, Sums
from terminal.submissions.kinds import FILE
from terminal.submissions.runner import Submissions

_Result = TypeVar("_Result")


class NoUse(Exception):
    """A message brought nothing to work with; `reason` is a machine word or the hub's own text."""

    def __init__(self, heard: Heard) -> None:
        super().__init__("no use")
        self.reason = _reason(heard)
        self.is_silence = not isinstance(heard, Answered)


class HubBooks:
    """Asks the hub what it has. Every method raises `NoUse` when the answer brings nothing to work with."""

    def __init__(
        self,
        hub: HubClient,
        session: HubSession,
        profile: Profile,
        institution: Institution,
        submissions: Submissions,
    ) -> None:
        """`submissions` sends the file with our lines."""
        self._hub = hub
        self._session = session
        self._profile = profile
        self._institution = institution
        self._submissions = submissions

    async def totals(self, day: dt.date, group: Group, sums: Sums) -> tuple[str, TotalsCheckOutput]:
        """Put sums of a group to 3201; return the message id and the signed answer."""
        date = day.isoformat()
        content = TotalsCheckInput(
            check=TotalsCheck(
                insurance_type=group.insutype,
                clearing_type=group.clr_type,
                settling_agency=group.clr_optins,
                began_on=date,
                ended_on=date,
                total_fen=Fen(sums.total_fen),
                fund_fen=Fen(sums.fund_fen),
                account_fen=Fen(sums.account_fen),
                count=sums.count,
            )
        )
        return await self._ask("3201", content, group.clr_optins, TotalsCheckOutput)

    async def result_file(
        self, day: dt.date, records: Sequence[OwnRecord], clr_type: str, clr_optins: str
    ) -> bytes:
        """Have our lines compared (9101, 3202) and fetch the file that says how (9102): bare bytes, unsigned."""
        uploaded = await self._upload(f"3202_{day:%Y%m%d}", detail_text(list(map(_row, records))), clr_optins)
        sums, date = sums_of(records), day.isoformat()
        content = DetailCheckInput(
            check=DetailCheck(
                settling_agency=clr_optins,
                file_no=uploaded.file_no,
                began_on=date,
                ended_on=date,
                total_fen=Fen(sums.total_fen),
                fund_fen=Fen(sums.fund_fen),
                cash_fen=Fen(sums.cash_fen),
                count=sums.count,
                clearing_type=clr_type,
            )
        )
        _, answer = await self._ask("3202", content, clr_optins, DetailCheckOutput)
        return await self._download(answer.file, clr_optins)

    async def _upload(self, name: str, text: bytes, division: str) -> UploadOutput:
        data = pack(f"{name}.txt", text)
        code = self._institution.code
        content = UploadInput(
            upload=Upload(content=byte_list(data), name=f"{name}.zip", institution_code=code)
        )
        heard = await self._submissions.deliver_once(FILE, content, division, "reconciliation")
        return _useful(heard, UploadOutput)

    async def _download(self, file: ResultFile, division: str) -> bytes:
        """The bare file. An envelope instead of it is a refusal, and proves at least that."""
        heard = await ask_file(
            self._hub, self._session, self._profile, file.file_no, file.name, self._institution.code, division
        )
        if isinstance(heard, bytes):
            return heard
        raise NoUse(heard)

    async def _ask(
        self, infno: str, content: msgspec.Struct, division: str, wanted: type[_Result]
    ) -> tuple[str, _Result]:
        msgid, heard = await ask_hub(self._hub, self._session, self._profile, infno, content, division)
        return msgid, _useful(heard, wanted)


def _useful(heard: Heard, wanted: type[_Result]) -> _Result:
    if isinstance(heard, Answered) and heard.infcode == 0 and isinstance(heard.output, wanted):
        return heard.output
    raise NoUse(heard)


def _row(record: OwnRecord) -> DetailRow:
    return DetailRow(
        settlement_id=record.setl_id,
        visit_id=record.visit_id,
        person_no=record.case.person_no,
        total_fen=Fen(record.total_fen),
        fund_fen=Fen(record.fund_fen),
        account_fen=Fen(record.account_fen),
        refunded=record.refunded,
    )


def _reason(heard: Heard) -> str:
    if isinstance(heard, Answered):
        return heard.err_msg if heard.infcode else "malformed output"
    return heard.reason
