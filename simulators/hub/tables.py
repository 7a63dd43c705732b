"""Field tables of the inputs, as printed (national interface, Hunan edition V1.1.27), and code lists they refer to.

Where editions print different lengths the larger one stands (our decision K16). The identity fields of 2101, 2102,
2201, 2206 and 2207 are Hunan additions: `with_identity` makes them mandatory, as that edition has them.
"""

from typing import Final

from simulators.hub.fields import Field, FieldKind

YES_NO: Final = frozenset({"0", "1"})
CERT_TYPES: Final = frozenset({"01", "02", "03"})
"""mdtrt_cert_type: e-certificate, identity card, social-security card."""
DOCUMENT_TYPES: Final = frozenset(
    {f"{number:02d}" for number in range(1, 18)} | {"90", "99", "990102", "990201"}
)
SCHEMES: Final = frozenset(
    {
        "310",
        "320",
        "330",
        "340",
        "350",
        "360",
        "370",
        "380",
        "390",
        "391",
        "392",
        "399",
        "410",
        "510",
        "39905",
    }
)
CLEARING_TYPES: Final = frozenset({
    "11", "12", "13", "14", "15", "18", "21", "22", "27", "28", "41", "51", "53", "99", "1103", "9907",
    "9908", "9909", "9914", "9925", "9949", "9950", "9972", "9974", "9975", "9977", "9978", "9985",
    "9986", "9987", "99914", "99915", "99922", "99923", "99927", "99928", "99933", "99934", "99938",
    "99939", "99940", "99943", "99945", "99946", "99948", "99949", "99950", "99952", "99953", "99958",
    "99959", "99960", "99961", "99962", "99963", "99967", "99968", "310111", "310112", "310211",
    "310212", "310411", "310412", "390111", "390112", "390211", "390212", "390411", "390412"
})  # fmt: skip
"""clr_type, as printed; a province's own stand in its profile."""
BIRTH_TYPES: Final = frozenset("12345679")
"""matn_type."""
ACCOUNT_FLAGS: Final = frozenset({"0", "1", "2"})
PHARMACY_MED_TYPES: Final = frozenset(
    {"41", "14", "140104", "140201", "9929", "9901", "1403", "9904", "18", "15", "910202"}
)
CLINIC_MED_TYPES: Final = frozenset(
    {"11", "12", "13", "14", "140104", "140201", "51", "510103", "9901", "1403", "9904", "18", "15", "910202"}
)
MED_TYPES: Final = PHARMACY_MED_TYPES | CLINIC_MED_TYPES


def _s(
    name: str, length: int, required: bool = False, codes: frozenset[str] = frozenset(), *also: str
) -> Field:
    return Field(name, "S", length, required=required, codes=codes, also=also)


def _n(name: str, length: int, decimals: int = 0, required: bool = False) -> Field:
    return Field(name, "N", length, decimals, required)


def _t(name: str, kind: FieldKind = "DT", required: bool = False) -> Field:
    return Field(name, kind, required=required)


_EXT: Final = _s("exp_content", 4000, False, frozenset(), "expContent")
_PERSON_NO: Final = _s("psn_no", 30, True)
_MEDIUM: Final = (
    _s("mdtrt_cert_type", 3, True, CERT_TYPES),
    _s("mdtrt_cert_no", 50, True),
    _s("card_sn", 32),
)
_IDENTITY: Final = (
    _s("psn_cert_type", 6, False, DOCUMENT_TYPES),
    _s("certno", 50),
    _s("psn_type", 6),
    _s("psn_name", 50),
)
IDENTITY_FIELDS: Final = frozenset(field.name for field in _IDENTITY)


SETTLEMENT_IDENTITY: Final = frozenset({"psn_cert_type", "certno"})
"""Those of 2207, which has no `psn_type` and no `psn_name` in that edition either."""


def with_identity(
    table: tuple[Field, ...], required: bool, names: frozenset[str] = IDENTITY_FIELDS
) -> tuple[Field, ...]:
    """The table with its identity fields mandatory (Hunan) or optional (national, as they are written here)."""
    if not required:
        return table
    return tuple(field._replace(required=True) if field.name in names else field for field in table)


ENVELOPE: Final = (
    _s("infno", 6, True),
    _s("msgid", 30, True),
    _s("mdtrtarea_admvs", 6, True),
    _s("insuplc_admdvs", 6),
    _s("recer_sys_code", 10, True),
    _s("dev_no", 100),
    _s("dev_safe_info", 2000),
    _s("cainfo", 1024),
    _s("signtype", 10),
    _s("infver", 6, True, frozenset({"V1.0", "1.0", "1.0.0"})),
    _s("opter_type", 3, True, frozenset({"1", "2", "3"})),
    _s("opter", 30, True),
    _s("opter_name", 50, True),
    _t("inf_time", "DT", True),
    _s("fixmedins_code", 30, True),
    _s("fixmedins_name", 200, True),
    _s("sign_no", 30),
)
"""Request envelope, table 2.1 without `input`."""

SIGN_IN: Final = (_s("opter_no", 20, True), _s("mac", 20, True), _s("ip", 20, True))
"""9001 signIn."""

SIGN_OUT: Final = (_s("sign_no", 30, True), _s("opter_no", 20, True))
"""9002 signOut."""

PERSON: Final = (
    *_MEDIUM,
    _t("begntime"),
    _s("psn_cert_type", 6, True, DOCUMENT_TYPES),
    _s("certno", 50),
    _s("psn_name", 50),
)
"""1101 data; number and name may be empty when the medium already names the person (our decision K29)."""

BENEFIT_CHECK: Final = (
    _PERSON_NO,
    _s("insutype", 6, True, SCHEMES),
    _s("fixmedins_code", 30, True),
    _s("med_type", 6, True, MED_TYPES),
    _t("begntime", "DT", True),
    _t("endtime"),
    _s("dise_codg", 30),
    _s("dise_name", 500),
    _s("oprn_oprt_code", 30),
    _s("oprn_oprt_name", 500),
    _s("matn_type", 6, False, BIRTH_TYPES),
    _s("birctrl_type", 6),
    _EXT,
)
"""2001 data."""

PHARMACY_HEAD: Final = (
    _PERSON_NO,
    *_MEDIUM,
    *_IDENTITY,
    _t("begntime", "DT", True),
    _n("medfee_sumamt", 16, 2, True),
    _s("invono", 20),
    _s("insutype", 6, True, SCHEMES),
    _s("dise_codg", 30),
    _s("dise_name", 500),
    _s("acct_used_flag", 1, True, ACCOUNT_FLAGS),
    _s("med_type", 6, True, PHARMACY_MED_TYPES),
    _EXT,
)
"""2101 and 2102 druginfo."""

PRESCRIPTIONS_QUERY: Final = (_PERSON_NO, _s("rxno", 30))
"""990101 data."""

PRESCRIPTION_RELEASE: Final = (_PERSON_NO, _s("rxno", 30, True), _s("lock_no", 50, True))
"""990103 data."""

PRESCRIPTION_LOCK: Final = (
    *PRESCRIPTION_RELEASE,
    _s("phar_code", 30, True),
    _s("phar_name", 50, True),
)
"""990102 data."""

PHARMACY_LINE: Final = (
    _s("feedetl_sn", 30, True),
    _s("rxno", 30),
    _s("rx_circ_flag", 3, True, YES_NO),
    _t("fee_ocur_time", "DT", True),
    _s("med_list_codg", 50, True),
    _s("medins_list_codg", 150, True),
    _n("det_item_fee_sumamt", 16, 2, True),
    _n("cnt", 16, 4, True),
    _n("pric", 16, 6, True),
    _s("sin_dos_dscr", 200),
    _s("used_frqu_dscr", 200),
    _n("prd_days", 4, 2),
    _s("medc_way_dscr", 200),
    _s("bilg_dr_codg", 30),
    _s("bilg_dr_name", 50),
    _s("tcmdrug_used_way", 6, False, frozenset({"1", "2"})),
    _EXT,
)
"""2101 and 2102 drugdetail."""

TRACE: Final = (_s("feedetl_sn", 30, True), _s("drug_trac_codg", 500, True), _s("trdn_flag", 3, True, YES_NO))
"""2102 durg_trac_info, one row per trace code; the newer 2207 node has the same fields and more."""

SETTLEMENT_ID: Final = (_s("setl_id", 30, True), _s("mdtrt_id", 30, True), _PERSON_NO, _EXT)
"""2103, 2208 and 5203 data."""

REGISTRATION: Final = (
    _PERSON_NO,
    _s("insutype", 6, True, SCHEMES),
    _t("begntime", "DT", True),
    *_MEDIUM,
    *_IDENTITY,
    _s("ipt_otp_no", 30, True),
    _s("atddr_no", 30),
    _s("dr_name", 50),
    _s("dept_code", 30, True),
    _s("dept_name", 100, True),
    _s("caty", 10, True),
    _EXT,
)
"""2201 data."""

WITHDRAW_REGISTRATION: Final = (_PERSON_NO, _s("mdtrt_id", 30, True), _s("ipt_otp_no", 30, True), _EXT)
"""2202 data."""

VISIT: Final = (
    _s("mdtrt_id", 30, True),
    _PERSON_NO,
    _s("med_type", 6, True, CLINIC_MED_TYPES),
    _t("begntime", "DT", True),
    _s("main_cond_dscr", 1000),
    _s("dise_type_code", 30),
    _s("dise_codg", 30),
    _s("dise_name", 500),
    _s("birctrl_type", 6),
    _t("birctrl_matn_date", "D"),
    _s("matn_type", 6, False, BIRTH_TYPES),
    _n("geso_val", 2),
    _s("rxfixmedinsCode", 12),
    _s("rxfixmedinsName", 200),
    _s("rxfilename", 200),
    _s("rxExpContent", 2000),
    _EXT,
)
"""2203 and 2203A mdtrtinfo without `rxIn`, the file's bytes.

2203 prints the disease as mandatory; it stays optional as in 2203A, because an ordinary visit has none.
"""

DIAGNOSIS: Final = (
    _s("diag_type", 3, True, frozenset({"1", "2", "3"})),
    _n("diag_srt_no", 2, 0, True),
    _s("diag_code", 30, True),
    _s("diag_name", 100, True),
    _s("diag_dept", 50, True),
    _s("dise_dor_no", 30, True),
    _s("dise_dor_name", 50, True),
    _t("diag_time", "DT", True),
    _s("vali_flag", 3, True, YES_NO),
)
"""2203A diseinfo."""

FEE_LINE: Final = (
    _s("feedetl_sn", 30, True),
    _s("mdtrt_id", 30, True),
    _PERSON_NO,
    _s("chrg_bchno", 30, True),
    _s("dise_codg", 30),
    *PHARMACY_LINE[1:13],
    _s("bilg_dept_codg", 30, True),
    _s("bilg_dept_name", 100, True),
    _s("bilg_dr_codg", 30, True),
    _s("bilg_dr_name", 50, True),
    _s("acord_dept_codg", 30),
    _s("acord_dept_name", 100),
    _s("orders_dr_code", 30),
    _s("orders_dr_name", 50),
    _s("hosp_appr_flag", 3, True, frozenset({"0", "1", "2"})),
    _s("tcmdrug_used_way", 6, False, frozenset({"1", "2"})),
    _s("etip_flag", 3, False, YES_NO),
    _s("etip_hosp_code", 30),
    _s("dscg_tkdrug_flag", 3, False, YES_NO),
    _s("matn_fee_flag", 6, False, YES_NO),
    _s("memo", 1000),
    _s("comb_no", 3),
    _EXT,
)
"""2204 feedetail."""

WITHDRAW_LINES: Final = (_s("mdtrt_id", 30, True), _s("chrg_bchno", 30, True), _PERSON_NO, _EXT)
"""2205 data."""

CLINIC_QUOTE: Final = (
    _PERSON_NO,
    *_MEDIUM,
    *_IDENTITY,
    _s("med_type", 6, True, CLINIC_MED_TYPES),
    _n("medfee_sumamt", 16, 2, True),
    _s("psn_setlway", 6, True, frozenset({"01", "02"})),
    _s("mdtrt_id", 30, True),
    _s("chrg_bchno", 30, True),
    _s("acct_used_flag", 1, True, ACCOUNT_FLAGS),
    _s("insutype", 6, True, SCHEMES),
    _EXT,
    _s("pub_hosp_rfom_flag", 6),
)
"""2206 and 2206A data."""

CLINIC_SETTLEMENT: Final = (
    *CLINIC_QUOTE,
    _s("invono", 20),
    _n("fulamt_ownpay_amt", 16, 2, True),
    _n("overlmt_selfpay", 16, 2, True),
    _n("preselfpay_amt", 16, 2, True),
    _n("inscp_scp_amt", 16, 2, True),
)
"""2207 and 2207A data."""

REVERSAL: Final = (_PERSON_NO, _s("omsgid", 30, True), _s("oinfno", 6, True))
"""2601 data."""

VISIT_QUERY: Final = (
    _PERSON_NO,
    _t("begntime", "DT", True),
    _t("endtime", "DT", True),
    _s("med_type", 6, True, MED_TYPES),
    _s("mdtrt_id", 30),
)
"""5201 data."""

DIAGNOSES_QUERY: Final = (_s("mdtrt_id", 30, True), _PERSON_NO)
"""5202 data."""

FEE_LINES_QUERY: Final = (_PERSON_NO, _s("setl_id", 30, True), _s("mdtrt_id", 30, True))
"""5204 data."""

CHRONIC_DRUGS_QUERY: Final = (_PERSON_NO, _t("begntime", "DT", True), _t("endtime"))
"""5205 data."""

TOTALS_QUERY: Final = (_PERSON_NO, _s("cum_ym", 6))
"""5206 data."""

DESIGNATED_QUERY: Final = (_PERSON_NO, _s("biz_appy_type", 3, True))
"""5302 data."""

POLICY_ITEMS_QUERY: Final = (_s("psn_No", 30, True), _s("setl_Id", 30, True), _s("mdtrt_Id", 30, True))
"""100001 data, spelt so."""

FILINGS_QUERY: Final = (_PERSON_NO,)
"""5301 data."""

INSTITUTION_QUERY: Final = (
    _s("fixmedins_type", 6, True, frozenset({"1", "2", "3", "4", "5"})),
    _s("fixmedins_name", 200),
    _s("fixmedins_code", 30),
)
"""1201 medinsinfo."""

DICTIONARY_QUERY: Final = (
    _s("type", 30, True),
    _s("parent_value", 10, True, frozenset(), "parentValue"),
    _s("admdvs", 6, True),
    _t("date", "D", True),
    _s("Vali_Flag", 3, True, YES_NO, "valiFlag"),
)
"""1901 data; both spellings are taken."""

CATALOGUE_VERSION: Final = (_s("ver", 20, True),)
"""1301 and its like, data."""

_PAGE: Final = (
    _t("updt_time", "D", True),
    _n("page_num", 4, 0, True),
    _n("page_size", 4, 0, True),
)
"""What every question by page ends with."""

ETHNIC_QUERY: Final = (
    _t("updt_time", "D", True),
    _n("page_num", 4, 0, True),
    _n("page_size", 4, 0, True),
)
"""1304 data."""

ITEM_QUERY: Final = (
    _t("query_date", "D"),
    _s("hilist_code", 30),
    _s("insu_admdvs", 6),
    _t("begndate", "D"),
    _s("hilist_name", 200),
    _s("wubi", 30),
    _s("pinyin", 30),
    _s("med_chrgitm_type", 6),
    _s("chrgitm_lv", 3),
    _s("lmt_used_flag", 3, False, YES_NO),
    _s("list_type", 30),
    _s("med_use_flag", 3, False, YES_NO),
    _s("matn_used_flag", 3, False, YES_NO),
    _s("hilist_use_type", 3),
    _s("lmt_cpnd_type", 3),
    _s("vali_flag", 3, False, YES_NO),
    *_PAGE,
)
"""1312 data."""

NATIONAL_MAPPING_QUERY: Final = (
    _t("query_date", "D"),
    _s("medins_list_codg", 30, False, frozenset(), "med_list_codg"),
    _s("hilist_code", 30),
    _s("list_type", 30),
    _s("insu_admdvs", 6),
    _t("begndate", "D"),
    _s("vali_flag", 3, False, YES_NO),
    *_PAGE,
)
"""1316 data; the own item's code is taken under both its names."""

OWN_MAPPING_QUERY: Final = (
    _t("query_date", "D"),
    _s("fixmedins_code", 30),
    _s("medins_list_codg", 30),
    _s("medins_list_name", 200),
    _s("insu_admdvs", 6),
    _s("list_type", 30),
    _s("med_list_codg", 30),
    _t("begndate", "D"),
    _s("vali_flag", 3, False, YES_NO),
    *_PAGE,
)
"""1317 data."""

CEILING_QUERY: Final = (
    _t("query_date", "D"),
    _s("hilist_code", 30),
    _s("hilist_lmtpric_type", 6),
    _s("overlmt_dspo_way", 6),
    _s("insu_admdvs", 6),
    _t("begndate", "D"),
    _t("enddate", "D"),
    _s("vali_flag", 3, False, YES_NO),
    _s("rid", 40),
    _s("tabname", 100),
    _s("poolarea_no", 6),
    *_PAGE,
)
"""1318 data."""

SHARE_QUERY: Final = (
    *CEILING_QUERY[:2],
    _s("selfpay_prop_psn_type", 6),
    _s("selfpay_prop_type", 6),
    *CEILING_QUERY[4:],
)
"""1319 data."""

TOTALS: Final = (
    _s("insutype", 6, True, SCHEMES),
    _s("clr_type", 6, True),
    _s("setl_optins", 6, True),
    _t("stmt_begndate", "D", True),
    _t("stmt_enddate", "D", True),
    _n("medfee_sumamt", 16, 2, True),
    _n("fund_pay_sumamt", 16, 2, True),
    _n("acct_pay", 16, 2, True),
    _n("fixmedins_setl_cnt", 10, 0, True),
    _s("refd_setl_flag", 6, False, YES_NO),
    _s("fixmedins_refd_setl_flag", 6, True, YES_NO),
)
"""3201 data."""

DETAIL: Final = (
    _s("setl_optins", 6, True),
    _s("file_qury_no", 40, True),
    _t("stmt_begndate", "D", True),
    _t("stmt_enddate", "D", True),
    _n("medfee_sumamt", 16, 2, True),
    _n("fund_pay_sumamt", 16, 2, True),
    _n("cash_payamt", 16, 2, True),
    _n("fixmedins_setl_cnt", 10, 0, True),
    _s("clr_type", 6, True),
    _s("refd_setl_flag", 3, False, YES_NO),
    _s("fixmedins_refd_setl_flag", 6, True, YES_NO),
)
"""3202 data."""

UPLOAD: Final = (_s("filename", 200, True), _s("fixmedins_code", 30, True))
"""9101 fsUploadIn without `in`, the file's bytes."""

DOWNLOAD: Final = (_s("file_qury_no", 40, True), _s("filename", 200, True), _s("fixmedins_code", 30, True))
"""9102 fsDownloadIn."""
