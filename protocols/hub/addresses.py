"""Where at a hub a transaction is posted to: the four URL shapes in use.

    U1  one path for all; `infno` in the body decides
    U2  base path and number, written together: `<base>1101`
    U3  base path and a service path of each transaction (the table below, and what the profile adds)
    U4  one dispatcher path for all

A reverse proxy's prefix may stand before any of them. The paths of U3 are those that clients of several provinces agree
on; none of them shows where 2101, 2102, 2103, 5201 and 9002 go, so a profile that needs those names their paths itself
(`hub.paths`), and a counter without them is refused before it starts (`without_path`).
"""

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from protocols.hub.profile import Profile
from protocols.hub.profile_sections import Hub

_DOWNLOADED: Final = (
    *("1301", "1302", "1303", "1305", "1306", "1307", "1308", "1309", "1310", "1311"),
    *("1313", "1314", "1315"),
)
"""Catalogues whose service is called after their number."""
SERVICES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "9001": "signInSignOutService/signIn",
        "9101": "fileupload/upload",
        "9102": "fileupload/download",
        "1101": "fsiPsnInfoService/queryPsnInfo",
        "1162": "hsecfc/localQrCodeQuery",
        "1201": "fsiFixMedInsService/queryFixMedIns",
        **{number: f"catalogdownservice/downCatalog{number}" for number in _DOWNLOADED},
        "1304": "catalogqueryservice/queryNatyPreparedByPage",
        "1312": "catalogqueryservice/queryHilist",
        "1316": "catalogqueryservice/queryMedinsHilistMapByPage",
        "1317": "catalogqueryservice/queryMedListMapByPage",
        "1318": "catalogqueryservice/queryLmtprcByPage",
        "1319": "catalogqueryservice/querySelfpayByPage",
        "1901": "catalogqueryservice/queryDataDic",
        "2001": "fsiPsnPriorityInfoService/queryPsnPriorityInfo",
        "2201": "outpatientDocInfoService/outpatientRregistration",  # spelt so
        "2202": "outpatientDocInfoService/outpatientRegistrationCancel",
        "2203": "outpatientDocInfoService/outpatientMdtrtinfoUp",
        "2203A": "outpatientDocInfoService/outpatientMdtrtinfoUpA",
        "2204": "outpatientDocInfoService/outpatientFeeListUp",
        "2205": "outpatientDocInfoService/outpatientFeeListUpCancel",
        "2206": "outpatientSettleService/preSettletment",
        "2206A": "outpatientSettleService/preSettletmentA",
        "2207": "outpatientSettleService/saveSettletmentV2",
        "2207A": "outpatientSettleService/saveSettletment",
        "2208": "outpatientSettleService/cancleSettletment",  # spelt so
        "2601": "reverseService/revsMethod",
        "3101": "riskConService/beforeAnalyze",
        "3102": "riskConService/courseAnalyze",
        "3201": "ybSettlementStmtService/stmtTotal",
        "3202": "ybSettlementStmtService/stmtDetail",
        "3301": "catalogCompService/catalogCompUp",
        "3501": "goodsService/goodsUpload",
        "3502": "goodsService/goodsUpdate",
        "3503": "goodsService/goodsBuy",
        "3504": "goodsService/goodsBuyReturn",
        "3505": "goodsService/goodsSell",
        "3506": "goodsService/goodsSellReturn",
        "3507": "goodsService/goodsInfoDelete",
        "5203": "fsiIntegratedQueryService/querySetlInfo",
        "5204": "fsiIntegratedQueryService/queryFeeList",
        "5206": "fsiIntegratedQueryService/queryFixmedinsPracPsnSum",
        "5301": "fsiIntegratedQueryService/queryPsnOpspReg",
    }
)
"""Service paths of U3 below the base path."""


class NoPath(LookupError):
    """Neither the table nor the profile says where this transaction goes."""

    def __init__(self, infno: str) -> None:
        super().__init__(infno)
        self.infno = infno


def path_of(hub: Hub, infno: str) -> str:
    """Return the path a transaction is posted to, proxy prefix included. Raises `NoPath` (U3 only)."""
    base = hub.proxy_prefix + hub.path
    match hub.url_shape:
        case "U2":
            return base + infno
        case "U3":
            service = hub.paths.get(infno) or SERVICES.get(infno)
            if service is None:
                raise NoPath(infno)
            return base + service
        case _:
            return base


def decode_path(profile: Profile) -> str:
    """Return the path of 1162 at a hub that decodes certificate codes itself: the same in every shape."""
    return profile.hub.proxy_prefix + profile.ecert.hub_path


def infno_at(hub: Hub, path: str) -> str | None:
    """Return which transaction a hub takes on `path`: its number, "" for any, None for a path nobody listens on."""
    base = hub.proxy_prefix + hub.path
    if hub.url_shape in ("U1", "U4"):
        return "" if path == base else None
    service = path.removeprefix(base)
    if not service or service == path:
        return None
    if hub.url_shape == "U2":
        return service if service.isalnum() else None
    return next((infno for infno, known in {**SERVICES, **hub.paths}.items() if known == service), None)


def without_path(hub: Hub, infnos: Iterable[str]) -> tuple[str, ...]:
    """Return those transactions that this hub has no path for, as far as anybody has told."""
    if hub.url_shape != "U3":
        return ()
    return tuple(infno for infno in infnos if infno not in SERVICES and infno not in hub.paths)
