"""Rows as a shop writes them, by wire name: invented goods and filings for tests of submissions, composed for them."""

from typing import Any

DAY = "2026-11-20"
BATCH = "BATCH0003"
PACK = "89999990000000000003"
OTHER_PACK = "89999990000000000004"
GOODS = {
    "med_list_codg": "XTEST000000000000000D03",
    "fixmedins_hilist_id": "SKU0003",
    "fixmedins_hilist_name": "测试降糖片",
    "fixmedins_bchno": BATCH,
}
TAKE = {
    **GOODS,
    "rx_flag": "1",
    "invdate": DAY,
    "inv_cnt": "120.00",
    "manu_date": "2026-06-01",
    "expy_end": "2028-06-30",
}
CHANGE = {
    **GOODS,
    "inv_chg_type": "101",
    "pric": "12.50",
    "cnt": "20.00",
    "rx_flag": "1",
    "inv_chg_time": f"{DAY} 18:00:00",
}
PURCHASE = {
    **GOODS, "spler_name": "测试医药公司", "manu_lotnum": "L2606", "prodentp_name": "测试制药厂", "aprvno": "国药准字T0003",
    "manu_date": "2026-06-01", "expy_end": "2028-06-30", "finl_trns_pric": "8.00", "purc_retn_cnt": "100.00", "rx_flag": "1",
    "purc_retn_stoin_time": f"{DAY} 09:00:00", "purc_retn_opter_name": "收银员测试",
}  # fmt: skip
PURCHASE_A: dict[str, Any] = {
    **PURCHASE,
    "purc_invo_file_List": [{"fixmedins_bchno": BATCH, "file_data": "VEVTVA==", "file_name": "invoice.pdf"}],
}
PURCHASE_RETURN = {
    **GOODS, "spler_name": "测试医药公司", "manu_date": "2026-06-01", "expy_end": "2028-06-30", "purc_retn_cnt": "2.00",
    "purc_invo_no": "INV0001", "rx_flag": "1", "purc_retn_stoin_time": f"{DAY} 09:00:00",
    "purc_retn_opter_name": "收银员测试",
}  # fmt: skip
SALE = {
    **GOODS, "prsc_dr_name": "测试医师", "phar_name": "测试药师", "phar_prac_cert_no": "PHAR0001", "mdtrt_sn": "OWN0001",
    "manu_lotnum": "L2606", "manu_date": "2026-06-01", "rx_flag": "1", "trdn_flag": "0", "finl_trns_pric": "12.50",
    "rtal_docno": "R0001", "sel_retn_cnt": "1.00", "sel_retn_time": f"{DAY} 10:00:00", "sel_retn_opter_name": "收银员测试",
    "MDTRT_SETL_TYPE": "2", "hi_feesetl_type": "0",
}  # fmt: skip
SALE_A = {
    **SALE,
    "drug_prod_barc": "6901234567892",
    "prsc_dr_no": "D999900000001",
    "phar_no": "Y999900000001",
}
SALE_RETURN = {
    **GOODS, "manu_lotnum": "L2606", "manu_date": "2026-06-01", "rx_flag": "1", "trdn_flag": "0", "sel_retn_cnt": "1.00",
    "sel_retn_time": f"{DAY} 11:00:00", "sel_retn_opter_name": "收银员测试", "mdtrt_sn": "OWN0001",
}  # fmt: skip
DELETION = {"fixmedins_bchno": BATCH, "inv_data_type": "4"}
MAPPING = {
    "fixmedins_hilist_id": "SKU0003", "fixmedins_hilist_name": "测试降糖片", "list_type": "101",
    "med_list_codg": "XTEST000000000000000D03", "begndate": "2026-11-01", "enddate": "2099-12-31",
}  # fmt: skip
MAPPING_WITHDRAWN = {name: MAPPING[name] for name in ("fixmedins_hilist_id", "list_type", "med_list_codg")}
TRANSFER = {
    "diag_code": "C50.900", "diag_name": "乳房恶性肿瘤", "reflin_medins_no": "H98990000001",
    "reflin_medins_name": "外省测试医院", "mdtrtarea_admdvs": "989900", "refl_type": "3", "refl_date": "2026-11-23",
    "refl_rea": "需进一步治疗", "refl_opnn": "同意",
}  # fmt: skip
CHRONIC = {
    "opsp_dise_code": "M03900", "opsp_dise_name": "高血压", "ide_fixmedins_no": "H99990000002",
    "ide_fixmedins_name": "测试社区诊所", "hosp_ide_date": DAY, "diag_dr_codg": "D999900000001", "diag_dr_name": "测试医师",
    "begndate": "2026-11-01",
}  # fmt: skip
INSTITUTION = {
    "biz_appy_type": "03", "begndate": "2026-11-23", "fix_srt_no": "1", "fixmedins_code": "H99990000002",
    "fixmedins_name": "测试社区诊所",
}  # fmt: skip


def traced(row: dict[str, str], *codes: str) -> dict[str, Any]:
    """A row as it stands on the wire, with its trace codes."""
    return {**row, "drugtracinfo": [{"drug_trac_codg": code} for code in codes]}
