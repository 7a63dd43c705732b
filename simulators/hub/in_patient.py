"""In-patient transactions: national numbers that this hub knows by name and does not serve."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NoReturn

from simulators.hub.desk import Call, Desk
from simulators.hub.refusals import Refused

IN_PATIENT: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "2301": ("住院费用明细上传", "in-patient fee lines"),
        "2302": ("住院费用明细撤销", "withdrawal of in-patient fee lines"),
        "2303": ("住院预结算", "in-patient pre-settlement"),
        "2304": ("住院结算", "in-patient settlement"),
        "2305": ("住院结算撤销", "in-patient settlement cancellation"),
        "2306": ("住院备注变更", "change of an in-patient remark"),
        "2401": ("入院办理", "admission"),
        "2402": ("出院办理", "discharge"),
        "2403": ("住院信息变更", "change of an admission"),
        "2404": ("入院撤销", "withdrawal of an admission"),
        "2405": ("出院撤销", "withdrawal of a discharge"),
        "2406": ("住院特殊属性", "special attributes of a stay"),
        "2407": ("住院特殊属性", "special attributes of a stay"),
        "4401": ("住院病案首页", "in-patient record, front page"),
        "4402": ("住院医嘱记录", "in-patient orders"),
        "5303": ("在院信息查询", "query of present in-patients"),
    }
)
"""Titles of the numbers, Chinese and English."""


def not_open(_desk: Desk, _call: Call) -> NoReturn:
    """Refuse: the transaction is not open to this institution."""
    raise Refused("NOT_OPEN", detail="infno")
