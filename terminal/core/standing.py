"""How the institution stands with the insurance, as the hub's register says it (1201; rows R06, R65 and R66).

No published field of 1201 tells agreement, credit or network. Where a hub says them in the extension of the row, as JSON
members like those below, they are read; everything is optional, and nothing here decides: the hub itself refuses.
"""

import msgspec


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """What the register says of an institution; empty = it does not say."""

    agreement_state: str = msgspec.field(name="AGRM_STAS", default="")
    """0 not begun, 1 in force, 2 suspended, 4 ended."""
    agreement_from: str = msgspec.field(name="AGRM_BEGNDATE", default="")
    agreement_until: str = msgspec.field(name="AGRM_ENDDATE", default="")
    suspended_from: str = msgspec.field(name="PAUS_BEGNDATE", default="")
    suspended_until: str = msgspec.field(name="PAUS_ENDDATE", default="")
    service_level: str = msgspec.field(name="SERV_LV", default="")
    """province, city, county, township or village: the levels of the service network (R06)."""
    credit_level: str = msgspec.field(name="CRED_LV", default="")
    networked: str = msgspec.field(name="NETW_FLAG", default="")
    dual_channel: str = msgspec.field(name="DUAL_CHNL_FLAG", default="")


def read_standing(extension: str) -> Standing:
    """Return what an extension says; an unreadable one says nothing."""
    try:
        return msgspec.json.decode(extension, type=Standing) if extension else Standing()
    except msgspec.MsgspecError:
        return Standing()
