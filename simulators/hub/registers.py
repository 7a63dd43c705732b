"""The hub's registers: 1201 institutions, 1901 dictionaries (`dictionaries.toml`)."""

import datetime as dt
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import msgspec

from simulators.hub import tables
from simulators.hub.desk import Call, Desk, Output
from simulators.hub.fields import as_node, check
from simulators.hub.refusals import FieldRefused
from simulators.world import AgreementState, Institution

TOP: Final = "0"
"""`parent_value` of the first level (our decision K20b)."""
_AGREEMENT_STATES: Final[Mapping[AgreementState, str]] = {
    "not_begun": "0",
    "in_force": "1",
    "suspended": "2",
    "ended": "4",
}
"""As psn_insu_stas counts them; 3 does not occur."""
_SINCE: Final = "2020-01-01"
_VERSION: Final = 1
_DICTIONARIES: Final[Mapping[str, Mapping[str, str]]] = tomllib.loads(
    (Path(__file__).parent / "dictionaries.toml").read_text(encoding="utf-8")
)
"""Labels by value, by name of the dictionary."""


def institutions(desk: Desk, call: Call) -> Output:
    """1201: institutions of a kind by code, by part of the name, or by both."""
    node = check(as_node(call.input.get("medinsinfo"), "medinsinfo"), tables.INSTITUTION_QUERY, "medinsinfo")
    code, name = node.text("fixmedins_code"), node.text("fixmedins_name")
    if not code and not name:
        raise FieldRefused("medinsinfo.fixmedins_code", "与名称不能同时为空 (missing, and no name either)")
    return {
        "medinsinfo": [
            {
                "fixmedins_code": row.code,
                "fixmedins_name": row.name,
                "uscc": f"TEST{row.division}{row.code[-8:]}",
                "fixmedins_type": _kind(row),
                "hosp_lv": row.level,
                "exp_content": _standing(row, call.now.date()),
            }
            for row in desk.world.institutions.values()
            if _kind(row) == node.text("fixmedins_type") and code in ("", row.code) and name in row.name
        ]
    }


def _standing(institution: Institution, day: dt.date) -> str:
    """Agreement, credit and what the institution is open for, as JSON text; its members are ours (K90)."""
    agreement, rest = institution.agreement, institution.agreement.suspended
    return msgspec.json.encode(
        {
            "AGRM_STAS": _AGREEMENT_STATES[agreement.state(day)],
            "AGRM_BEGNDATE": agreement.begin.isoformat(),
            "AGRM_ENDDATE": agreement.end.isoformat(),
            "PAUS_BEGNDATE": rest.begin.isoformat() if rest else "",
            "PAUS_ENDDATE": rest.end.isoformat() if rest else "",
            "CRED_LV": institution.credit,
            "SERV_LV": institution.service_level,
            "NETW_FLAG": "1" if institution.networked else "0",
            "DUAL_CHNL_FLAG": "1" if institution.dual_channel else "0",
        }
    ).decode()


def _kind(institution: Institution) -> str:
    return "2" if institution.kind == "pharmacy" else "1"


def dictionary(desk: Desk, call: Call) -> Output:
    """1901: the values of one dictionary in force on a day; an unknown one has none."""
    node = check(as_node(call.input.get("data"), "data"), tables.DICTIONARY_QUERY, "data")
    kind = node.text("type")
    known = node.text("parent_value") == TOP and node.text("Vali_Flag") == "1" and node.text("date") >= _SINCE
    return {
        "list": [
            {
                "type": kind,
                "label": label,
                "value": value,
                "parentValue": TOP,
                "sort": place,
                "valiFlag": "1",
                "createUser": "hub",
                "createDate": _SINCE,
                "version": _VERSION,
            }
            for place, (value, label) in enumerate(_DICTIONARIES.get(kind, {}).items(), start=1)
            if known
        ]
    }
