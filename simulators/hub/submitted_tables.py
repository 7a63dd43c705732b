"""Field tables of what is submitted outside settlements: filings, mappings, stock and sales (see `tables`).

Where printed lengths differ the largest stands, also across transactions: an institution's code has 30 characters, a
diagnosis 30, a trace code 500 (K16). Lengths of the forms with the letter A, where none is printed, are those of the plain form.
"""

from typing import Final

from simulators.hub.fields import Field
from simulators.hub.tables import _EXT, DOCUMENT_TYPES, SCHEMES, YES_NO, _n, _s, _t


def _changed(table: tuple[Field, ...], *fields: Field) -> tuple[Field, ...]:
    """A table with some of its fields in another form, where they stand, and further ones at its end."""
    changes = {field.name: field for field in fields}
    return (*(changes.pop(field.name, field) for field in table), *changes.values())


_TRANSFER_KINDS: Final = frozenset({"1", "2", "3"})
"""refl_type: within the city, other city, other province."""
_BUSINESS: Final = frozenset({*(f"{number:02d}" for number in range(1, 21)), "22", "23", "32", "99"})
"""biz_appy_type."""
_KINSHIP: Final = frozenset({"1", "2", "4", "5", "6", "7", "8", "9", "901"})
"""agnter_rlts."""
_FEES: Final = frozenset({"0", "1", "2"})
"""hi_feesetl_type: not insured, local insured, insured elsewhere."""

TRANSFER: Final = (
    _s("psn_no", 30, True),
    _s("insutype", 6, False, SCHEMES),
    _s("tel", 50),
    _s("addr", 200),
    _s("insu_optins", 6),
    _s("diag_code", 30, True),
    _s("diag_name", 100, True),
    _s("dise_cond_dscr", 2000),
    _s("reflin_medins_no", 30, True),
    _s("reflin_medins_name", 200, True),
    _s("mdtrtarea_admdvs", 6, True),
    _s("hosp_agre_refl_flag", 3, False, YES_NO),
    _s("refl_type", 30, True, _TRANSFER_KINDS),
    _t("refl_date", "D", True),
    _s("refl_rea", 100, True),
    _s("refl_opnn", 200, True),
    _t("begndate", "D"),
    _t("enddate", "D"),
    _s("refl_old_mdtrt_id", 30),
    _s("refl_used_flag", 3),
)
"""2501 refmedin."""

CHRONIC_APPLICATION: Final = (
    _s("psn_no", 30, True),
    _s("insutype", 6, True, SCHEMES),
    _s("opsp_dise_code", 30, True),
    _s("opsp_dise_name", 300, True),
    _s("tel", 50),
    _s("addr", 200),
    _s("insu_optins", 6, True),
    _s("ide_fixmedins_no", 30, True),
    _s("ide_fixmedins_name", 200, True),
    _t("hosp_ide_date", "D", True),
    _s("diag_dr_codg", 30, True),
    _s("diag_dr_name", 50, True),
    _t("begndate", "D", True),
    _t("enddate", "D"),
    _s("trt_dcla_detl_sn", 30),
    _s("selfdef_splm_flag", 3),
    _s("memo", 500),
    _EXT,
)
"""2503 data."""

INSTITUTION_CHOICE: Final = (
    _s("psn_no", 30, True),
    _s("tel", 50),
    _s("addr", 200),
    _s("biz_appy_type", 3, True, _BUSINESS),
    _t("begndate", "D", True),
    _t("enddate", "D"),
    _s("agnter_name", 50),
    _s("agnter_cert_type", 6, False, DOCUMENT_TYPES),
    _s("agnter_certno", 50),
    _s("agnter_tel", 30),
    _s("agnter_addr", 200),
    _s("agnter_rlts", 3, False, _KINSHIP),
    _s("fix_srt_no", 3, True),
    _s("fixmedins_code", 30, True),
    _s("fixmedins_name", 200, True),
    _s("memo", 500),
    _EXT,
)
"""2505 data."""

WITHDRAW_TRANSFER: Final = (_s("trt_dcla_detl_sn", 30, True), _s("psn_no", 30, True), _s("memo", 500))
"""2502 data."""

WITHDRAW_FILING: Final = (_s("trt_dcla_detl_sn", 30, True), _s("psn_no", 30, True), _s("memo", 500, True))
"""2504 and 2506 data."""

TRANSFERS_QUERY: Final = (_s("psn_no", 30, True), _t("begntime", "DT", True), _t("endtime"))
"""5304 data."""

MAPPING: Final = (
    _s("fixmedins_hilist_id", 30, True),
    _s("fixmedins_hilist_name", 200, True),
    _s("list_type", 30, True),
    _s("med_list_codg", 30, True),
    _t("begndate", "D", True),
    _t("enddate", "D", True),
    _s("aprvno", 30),
    _s("dosform", 200),
    _s("exct_cont", 2000),
    _s("item_cont", 2000),
    _s("prcunt", 100),
    _s("spec", 200),
    _s("pacspec", 100),
    _s("memo", 500),
)
"""3301 data, one row."""

WITHDRAW_MAPPING: Final = (
    _s("fixmedins_code", 30, True),
    _s("fixmedins_hilist_id", 30, True),
    _s("list_type", 30, True),
    _s("med_list_codg", 30, True),
)
"""3302, directly under input."""

_ITEM: Final = (
    _s("med_list_codg", 50, True),
    _s("fixmedins_hilist_id", 30, True),
    _s("fixmedins_hilist_name", 200, True),
)
_BATCH: Final = _s("fixmedins_bchno", 30, True)
_GOODS: Final = (*_ITEM, _BATCH)
GOODS_NAMES: Final = tuple(field.name for field in _GOODS)
"""Which goods a row is about."""

STOCK_TAKE: Final = (
    *_ITEM,
    _s("rx_flag", 3, True, YES_NO),
    _t("invdate", "D", True),
    _n("inv_cnt", 16, 2, True),
    _s("manu_lotnum", 30),
    _s("fixmedins_bchno", 30, True),
    _t("manu_date", "D", True),
    _t("expy_end", "D", True),
    _s("memo", 500),
)
"""3501 invinfo."""

STOCK_TAKE_A: Final = _changed(STOCK_TAKE, _n("pric", 16, 6, True))
"""3501A invinfoDetail, one row."""

STOCK_CHANGE: Final = (
    _ITEM[0],
    _s("inv_chg_type", 6, True),
    *_GOODS[1:],
    _n("pric", 16, 6, True),
    _n("cnt", 16, 4, True),
    _s("rx_flag", 3, True, YES_NO),
    _t("inv_chg_time", "DT", True),
    _s("inv_chg_opter_name", 50),
    _s("memo", 500),
    _s("trdn_flag", 2, False, YES_NO),
)
"""3502 invinfo."""

STOCK_CHANGE_A: Final = _changed(STOCK_CHANGE, _s("trac_codg_pac_hery", 3, False, frozenset({"1", "2", "3"})))
"""3502A invinfoDetail, one row."""

PURCHASE: Final = (
    *_ITEM,
    _s("dynt_no", 50),
    _s("fixmedins_bchno", 30, True),
    _s("spler_name", 200, True),
    _s("spler_pmtno", 50),
    _s("manu_lotnum", 30, True),
    _s("prodentp_name", 200, True),
    _s("aprvno", 100, True),
    _t("manu_date", "D", True),
    _t("expy_end", "D", True),
    _n("finl_trns_pric", 16, 6),
    _n("purc_retn_cnt", 16, 4, True),
    _s("purc_invo_codg", 50),
    _s("purc_invo_no", 50),
    _s("rx_flag", 3, True, YES_NO),
    _t("purc_retn_stoin_time", "DT", True),
    _s("purc_retn_opter_name", 50, True),
    _s("prod_geay_flag", 3, False, YES_NO),
    _s("memo", 500),
)
"""3503 purcinfo."""

PURCHASE_A: Final = _changed(PURCHASE, _n("finl_trns_pric", 16, 6, True))
"""3503A purcinfoDetail without its documents."""

PURCHASE_DOCUMENT: Final = (
    _s("fixmedins_bchno", 30, True),
    _s("file_data", 1000, True),
    _s("file_name", 30, True),
)
"""3503A purc_invo_file_List, one row."""

PURCHASE_RETURN: Final = (
    *_GOODS,
    _s("spler_name", 200, True),
    _s("spler_pmtno", 50),
    _t("manu_date", "D", True),
    _t("expy_end", "D", True),
    _n("finl_trns_pric", 16, 6),
    _n("purc_retn_cnt", 16, 4, True),
    _s("purc_invo_codg", 50),
    _s("purc_invo_no", 50, True),
    _s("rx_flag", 3, True, YES_NO),
    _t("purc_retn_stoin_time", "DT", True),
    _s("purc_retn_opter_name", 50, True),
    _s("memo", 500),
    _s("medins_prod_purc_no", 50),
)
"""3504 purcinfo, and 3504A purcinfoDetail."""

SALE: Final = (
    *_GOODS,
    _s("prsc_dr_cert_type", 6, False, DOCUMENT_TYPES),
    _s("prsc_dr_certno", 50),
    _s("prsc_dr_name", 50, True),
    _s("phar_cert_type", 6, False, DOCUMENT_TYPES),
    _s("phar_certno", 50),
    _s("phar_name", 50, True),
    _s("phar_prac_cert_no", 50, True),
    _s("hi_feesetl_type", 6, False, _FEES),
    _s("setl_id", 30),
    _s("mdtrt_sn", 30, True),
    _s("psn_no", 30),
    _s("psn_cert_type", 6, False, DOCUMENT_TYPES),
    _s("certno", 50),
    _s("psn_name", 50),
    _s("manu_lotnum", 30, True),
    _t("manu_date", "D", True),
    _t("expy_end", "D"),
    _s("rx_flag", 3, True, YES_NO),
    _s("trdn_flag", 3, True, YES_NO),
    _n("finl_trns_pric", 16, 6),
    _s("rxno", 40),
    _s("rx_circ_flag", 3, False, YES_NO),
    _s("rtal_docno", 40, True),
    _s("stoout_no", 40),
    _s("bchno", 30),
    _s("drug_prod_barc", 30),
    _s("shelf_posi", 20),
    _n("sel_retn_cnt", 16, 4, True),
    _t("sel_retn_time", "DT", True),
    _s("sel_retn_opter_name", 50, True),
    _s("memo", 500),
    _s("MDTRT_SETL_TYPE", 6, False, frozenset({"1", "2"}), "mdtrt_setl_type"),
)
"""3505 selinfo."""

SALE_A: Final = _changed(
    SALE,
    _n("finl_trns_pric", 16, 6, True),
    _s("drug_prod_barc", 500, True),
    _s("prsc_dr_no", 50),
    _s("phar_no", 50),
)
"""3505A selinfoDetail."""

SALE_RETURN: Final = (
    *_GOODS,
    _s("setl_id", 30),
    _s("psn_no", 30),
    _s("psn_cert_type", 6, False, DOCUMENT_TYPES),
    _s("certno", 50),
    _s("psn_name", 50),
    _s("manu_lotnum", 30, True),
    _t("manu_date", "D", True),
    _t("expy_end", "D"),
    _s("rx_flag", 3, True, YES_NO),
    _s("trdn_flag", 3, True, YES_NO),
    _n("finl_trns_pric", 16, 6),
    _n("sel_retn_cnt", 16, 4, True),
    _t("sel_retn_time", "DT", True),
    _s("sel_retn_opter_name", 50, True),
    _s("memo", 500),
    _s("medins_prod_sel_no", 50),
    _s("mdtrt_sn", 30, True),
)
"""3506 selinfo, and 3506A selinfoDetail."""

DELETION: Final = (
    _s("fixmedins_bchno", 30, True),
    _s("inv_data_type", 30, True, frozenset({"1", "2", "3", "4"})),
)
"""3507 data, and 3507A goodDetail."""

PACK_CODE: Final = (_s("drug_trac_codg", 500, True),)
"""drugtracinfo."""

SUBSTITUTE_CODE: Final = (
    *_GOODS,
    _s("memo", 500),
)
"""3592B data."""

STOCKED_CODES: Final = (
    _s("fixmedins_code", 30, True),
    _s("medins_list_codg", 150),
    _s("fixmedins_bchno", 30),
    _t("begndate", "D", True),
    _t("enddate", "D", True),
    _s("med_list_codg", 50),
    _s("drug_trac_codg", 500),
)
"""3512 data."""

SOLD_CODES: Final = (
    _s("fixmedins_code", 30, True),
    _s("medins_list_codg", 150),
    _s("fixmedins_bchno", 30),
    _t("begndate", "D"),
    _t("enddate", "D"),
    _s("med_list_codg", 50),
    _s("mdtrt_id", 30),
    _s("psn_no", 30),
    _s("psn_cert_type", 6, False, DOCUMENT_TYPES),
    _s("certno", 600),
    _s("psn_name", 50),
    _s("drug_trac_codg", 500),
)
"""3513 data."""
