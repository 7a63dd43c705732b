"""Field tables of the review's inputs as printed (3101, 3102, 3103; national interface, Hunan edition V1.1.27).

`med_type` and `insutype` have three characters there; the larger figures of the other transactions stand (K16).
"""

from typing import Final

from simulators.hub.fields import Field, FieldKind
from simulators.hub.tables import SCHEMES, YES_NO


def _s(name: str, length: int, required: bool = True, codes: frozenset[str] = frozenset()) -> Field:
    return Field(name, "S", length, required=required, codes=codes)


def _n(name: str, length: int, decimals: int, required: bool = True) -> Field:
    return Field(name, "N", length, decimals, required)


def _t(name: str, kind: FieldKind = "D", required: bool = True) -> Field:
    return Field(name, kind, required=required)


_SEXES: Final = frozenset({"0", "1", "2", "9"})

REQUEST: Final = (_s("trig_scen", 3, False),)
"""3101 data, beside the list."""

PATIENT: Final = (
    _s("patn_id", 50),
    _s("patn_name", 50),
    _s("gend", 3, codes=_SEXES),
    _t("brdy"),
    _s("poolarea", 10),
    _s("curr_mdtrt_id", 50),
)
"""3101 patient_dtos."""

VISIT: Final = (
    _s("mdtrt_id", 50),
    _s("medins_id", 50),
    _s("medins_name", 200),
    _s("medins_admdvs", 6),
    _s("medins_type", 3),
    _s("medins_lv", 3),
    _t("adm_date"),
    _t("dscg_date"),
    _s("dscg_main_dise_codg", 20),
    _s("dscg_main_dise_name", 50),
    _s("dr_codg", 20),
    _s("adm_dept_codg", 20),
    _s("adm_dept_name", 50),
    _s("dscg_dept_codg", 20),
    _s("dscg_dept_name", 50),
    _s("med_mdtrt_type", 3, codes=frozenset({"1", "2", "3", "4"})),
    _s("med_type", 6),
    _s("matn_stas", 3),
    _n("medfee_sumamt", 16, 2),
    _n("ownpay_amt", 16, 2),
    _n("selfpay_amt", 16, 2),
    _n("acct_payamt", 16, 2, required=False),
    _n("ma_amt", 16, 2, required=False),
    _n("hifp_payamt", 16, 2, required=False),
    _n("setl_totlnum", 4, 0),
    _s("insutype", 6, codes=SCHEMES),
    _s("reim_flag", 3, codes=frozenset({"1", "2"})),
    _s("out_setl_flag", 3, codes=YES_NO),
)
"""3101 fsi_encounter_dtos; what only an in-patient stay has is not read."""

DIAGNOSIS: Final = (
    _s("dise_id", 50),
    _s("inout_dise_type", 3),
    _s("maindise_flag", 3, codes=YES_NO),
    _s("dias_srt_no", 2),
    _s("dise_codg", 30),
    _s("dise_name", 200),
    _t("dise_date"),
)
"""3101 fsi_diagnose_dtos; a purchase has none (K83)."""

ORDER: Final = (
    _s("rx_id", 50),
    _s("rxno", 20),
    _s("long_drord_flag", 3, codes=YES_NO),
    _s("hilist_type", 3),
    _s("chrg_type", 3),
    _s("drord_bhvr", 3),
    _s("hilist_code", 50),
    _s("hilist_name", 200),
    _s("hilist_lv", 3),
    _n("hilist_pric", 16, 6),
    _s("hosplist_code", 50),
    _s("hosplist_name", 200),
    _n("cnt", 16, 4),
    _n("pric", 16, 6),
    _n("sumamt", 16, 2),
    _n("ownpay_amt", 16, 2),
    _n("selfpay_amt", 16, 2),
    _s("spec", 100),
    _s("spec_unt", 20),
    _t("drord_begn_date"),
    _t("drord_stop_date", required=False),
    _s("drord_dept_codg", 30),
    _s("drord_dept_name", 50),
    _s("drord_dr_codg", 30),
    _s("drord_dr_name", 30),
    _s("drord_dr_profttl", 3),
    _s("curr_drord_flag", 3, codes=YES_NO),
)
"""3101 fsi_order_dtos; codes, names, prices and quantities as long as in 2102 (K16)."""

USE: Final = (
    _s("o_prdDays", 10, False),
    _s("o_sinDosDscr", 50, False),
    _s("o_used_frqu_dscr", 50, False),
)
"""3101 extend_order_map, as far as a rule reads it."""

FEEDBACK: Final = (_s("warn_type", 6, codes=frozenset({"1", "2"})),)
"""3103 data, beside the list."""

ANSWER: Final = (
    _s("warn_rslt_id", 40),
    _s("dspo_way", 3, codes=frozenset({"1", "2"})),
    _s("dspo_way_rea", 500, False),
)
"""3103 warns; the reason has no printed length."""
