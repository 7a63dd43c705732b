"""Goods: 3501 stock-take, 3502 stock change, 3503 purchase, 3504 its return, 3505 sale, 3506 its return, 3507 deletion.

National interface, Hunan edition V1.1.27, stock and sales. Two generations (profile key `stock.generation`): plain numbers
carry one row and answer nothing; those with the letter A carry many and answer each row by itself (`retRslt` 1 or 0,
`msgRslt`), so `infcode` 0 with a row 0 is a partial failure. 3501A answers nothing either. The trace codes stand in
`drugtracinfo` (K13). Quantities are ten-thousandths of a pack, prices millionths of a yuan a pack.
"""

from typing import Final

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Day, Flag, Moment, Node, OutputNode
from protocols.money import Price, Quantity
from protocols.secret import Secret

NO_NATIONAL_CODE: Final = "NMLC999"
"""Stands in `med_list_codg` of the A forms for goods that have none."""
NO_BARCODE: Final = "NDPB999"
"""Stands in `drug_prod_barc` of the A forms for goods that have none."""


class PackCode(Node, frozen=True, kw_only=True):
    """One row of `drugtracinfo`."""

    code: str = field(name="drug_trac_codg")  # 药品追溯码


class Goods(Node, frozen=True, kw_only=True):
    """Which goods: what every row begins with."""

    national_code: str = field(name="med_list_codg")  # 医疗目录编码
    own_code: str = field(name="fixmedins_hilist_id")  # 定点医药机构目录编号
    own_name: str = field(name="fixmedins_hilist_name")  # 定点医药机构目录名称
    batch: str = field(name="fixmedins_bchno")  # 定点医药机构批次流水号


# -- 3501, 3501A -----------------------------------------------------------------------------------------------


class _CountedGoods(Goods, frozen=True, kw_only=True):
    """What 3501 and 3501A share."""

    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    counted_on: Day = field(name="invdate")  # 盘存日期
    stock_e4: Quantity = field(name="inv_cnt")  # 库存数量, in the smallest pack that is priced
    lot: str = field(name="manu_lotnum", default="")  # 生产批号
    made_on: Day = field(name="manu_date")  # 生产日期
    expires_on: Day = field(name="expy_end")  # 有效期止
    memo: str = field(name="memo", default="")  # 备注


class StockTake(_CountedGoods, frozen=True, kw_only=True):
    """`invinfo` of 3501."""

    trace_codes: tuple[PackCode, ...] | UnsetType = field(
        name="drugtracinfo", default=UNSET
    )  # 溯源码节点信息


class StockTakeInput(Node, frozen=True, kw_only=True):
    """Input of 3501."""

    row: StockTake = field(name="invinfo")


class StockTakeA(_CountedGoods, frozen=True, kw_only=True):
    """One row of `invinfoDetail` of 3501A: with a price, without trace codes."""

    price_micro: Price = field(name="pric")  # 单价


class StockTakeAInput(Node, frozen=True, kw_only=True):
    """Input of 3501A."""

    rows: tuple[StockTakeA, ...] = field(name="invinfoDetail")


# -- 3502, 3502A -----------------------------------------------------------------------------------------------


class StockChange(Goods, frozen=True, kw_only=True):
    """`invinfo` of 3502."""

    change_kind: str = field(name="inv_chg_type")  # 库存变更类型
    price_micro: Price = field(name="pric")  # 单价
    quantity_e4: Quantity = field(name="cnt")  # 数量
    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    changed_at: Moment = field(name="inv_chg_time")  # 库存变更时间
    operator_name: str = field(name="inv_chg_opter_name", default="")  # 库存变更经办人姓名
    memo: str = field(name="memo", default="")  # 备注
    split_pack: Flag | UnsetType = field(name="trdn_flag", default=UNSET)  # 拆零标志


class StockChangeInput(Node, frozen=True, kw_only=True):
    """Input of 3502."""

    row: StockChange = field(name="invinfo")


class StockChangeA(StockChange, frozen=True, kw_only=True):
    """One row of `invinfoDetail` of 3502A."""

    trace_codes: tuple[PackCode, ...] | UnsetType = field(
        name="drugtracinfo", default=UNSET
    )  # 溯源码节点信息
    pack_level: str = field(
        name="trac_codg_pac_hery", default=""
    )  # 追溯码包装层级: 1 small, 2 middle, 3 large


class StockChangeAInput(Node, frozen=True, kw_only=True):
    """Input of 3502A."""

    rows: tuple[StockChangeA, ...] = field(name="invinfoDetail")


# -- 3503, 3503A, 3504, 3504A ----------------------------------------------------------------------------------


class Purchase(Goods, frozen=True, kw_only=True):
    """`purcinfo` of 3503."""

    delivery_note: str = field(name="dynt_no", default="")  # 随货单号
    supplier_name: str = field(name="spler_name")  # 供应商名称
    supplier_licence: str = field(name="spler_pmtno", default="")  # 供应商许可证号
    lot: str = field(name="manu_lotnum")  # 生产批号
    maker_name: str = field(name="prodentp_name")  # 生产厂家名称
    approval_no: str = field(name="aprvno")  # 批准文号
    made_on: Day = field(name="manu_date")  # 生产日期
    expires_on: Day = field(name="expy_end")  # 有效期止
    price_micro: Price | UnsetType = field(name="finl_trns_pric", default=UNSET)  # 最终成交单价
    quantity_e4: Quantity = field(name="purc_retn_cnt")  # 采购/退货数量
    invoice_code: str = field(name="purc_invo_codg", default="")  # 采购发票编码
    invoice_no: str = field(name="purc_invo_no", default="")  # 采购发票号
    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    stored_at: Moment = field(name="purc_retn_stoin_time")  # 采购/退货入库时间
    operator_name: str = field(name="purc_retn_opter_name")  # 采购/退货经办人姓名
    gift: Flag | UnsetType = field(name="prod_geay_flag", default=UNSET)  # 商品赠送标志
    memo: str = field(name="memo", default="")  # 备注


class PurchaseInput(Node, frozen=True, kw_only=True):
    """Input of 3503."""

    row: Purchase = field(name="purcinfo")


class PurchaseDocument(Node, frozen=True, kw_only=True):
    """One row of `purc_invo_file_List` of 3503A."""

    batch: str = field(name="fixmedins_bchno")  # 定点医药机构批次流水号
    content: str = field(name="file_data")  # 文件内容, Base64
    name: str = field(name="file_name")  # 文件名, with suffix


class PurchaseA(Purchase, frozen=True, kw_only=True):
    """One row of `purcinfoDetail` of 3503A: with its documents and a price in any case."""

    price_micro: Price = field(name="finl_trns_pric")  # 最终成交单价
    documents: tuple[PurchaseDocument, ...] = field(name="purc_invo_file_List")  # 采购单据列表


class PurchaseAInput(Node, frozen=True, kw_only=True):
    """Input of 3503A."""

    rows: tuple[PurchaseA, ...] = field(name="purcinfoDetail")


class PurchaseReturn(Goods, frozen=True, kw_only=True):
    """`purcinfo` of 3504, and one row of `purcinfoDetail` of 3504A."""

    supplier_name: str = field(name="spler_name")  # 供应商名称
    supplier_licence: str = field(name="spler_pmtno", default="")  # 供应商许可证号
    made_on: Day = field(name="manu_date")  # 生产日期
    expires_on: Day = field(name="expy_end")  # 有效期止
    price_micro: Price | UnsetType = field(name="finl_trns_pric", default=UNSET)  # 最终成交单价
    quantity_e4: Quantity = field(name="purc_retn_cnt")  # 采购/退货数量
    invoice_code: str = field(name="purc_invo_codg", default="")  # 采购发票编码
    invoice_no: str = field(name="purc_invo_no")  # 采购发票号
    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    stored_at: Moment = field(name="purc_retn_stoin_time")  # 采购/退货入库时间
    operator_name: str = field(name="purc_retn_opter_name")  # 采购/退货经办人姓名
    memo: str = field(name="memo", default="")  # 备注
    purchase_serial: str = field(name="medins_prod_purc_no", default="")  # 商品采购流水号


class PurchaseReturnInput(Node, frozen=True, kw_only=True):
    """Input of 3504."""

    row: PurchaseReturn = field(name="purcinfo")


class PurchaseReturnAInput(Node, frozen=True, kw_only=True):
    """Input of 3504A."""

    rows: tuple[PurchaseReturn, ...] = field(name="purcinfoDetail")


# -- 3505, 3505A, 3506, 3506A ----------------------------------------------------------------------------------


class Sale(Goods, frozen=True, kw_only=True):
    """`selinfo` of 3505. How it was settled is spelt in two ways (profile key `form.setl_type_case`): 1 insured, 2 self-paid."""

    prescriber_document_type: str = field(name="prsc_dr_cert_type", default="")  # 开方医师证件类型
    prescriber_document_no: Secret = field(name="prsc_dr_certno", default=Secret())  # 开方医师证件号码
    prescriber_name: str = field(name="prsc_dr_name")  # 开方医师姓名
    pharmacist_document_type: str = field(name="phar_cert_type", default="")  # 药师证件类型
    pharmacist_document_no: Secret = field(name="phar_certno", default=Secret())  # 药师证件号码
    pharmacist_name: str = field(name="phar_name")  # 药师姓名
    pharmacist_licence: str = field(name="phar_prac_cert_no")  # 药师执业资格证号
    fee_settlement_kind: str = field(name="hi_feesetl_type", default="")  # 医保费用结算类型
    settlement_id: str = field(name="setl_id", default="")  # 结算ID
    visit_serial: str = field(name="mdtrt_sn")  # 就医流水号
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    person_name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    lot: str = field(name="manu_lotnum")  # 生产批号
    made_on: Day = field(name="manu_date")  # 生产日期
    expires_on: Day | UnsetType = field(name="expy_end", default=UNSET)  # 有效期止
    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    split_pack: Flag = field(name="trdn_flag")  # 拆零标志
    price_micro: Price | UnsetType = field(name="finl_trns_pric", default=UNSET)  # 最终成交单价
    prescription_no: str = field(name="rxno", default="")  # 处方号
    external_prescription: Flag | UnsetType = field(name="rx_circ_flag", default=UNSET)  # 外购处方标志
    retail_no: str = field(name="rtal_docno")  # 零售单据号
    stock_out_no: str = field(name="stoout_no", default="")  # 销售出库单据号
    batch_no: str = field(name="bchno", default="")  # 批次号
    barcode: str = field(name="drug_prod_barc", default="")  # 药品条形码
    shelf: str = field(name="shelf_posi", default="")  # 货架位
    quantity_e4: Quantity = field(name="sel_retn_cnt")  # 销售/退货数量
    sold_at: Moment = field(name="sel_retn_time")  # 销售/退货时间
    operator_name: str = field(name="sel_retn_opter_name")  # 销售/退货经办人姓名
    memo: str = field(name="memo", default="")  # 备注
    settled_upper: str | UnsetType = field(name="MDTRT_SETL_TYPE", default=UNSET)  # 就诊结算类型
    settled_lower: str | UnsetType = field(name="mdtrt_setl_type", default=UNSET)  # 就诊结算类型
    trace_codes: tuple[PackCode, ...] | UnsetType = field(
        name="drugtracinfo", default=UNSET
    )  # 溯源码节点信息


class SaleInput(Node, frozen=True, kw_only=True):
    """Input of 3505."""

    row: Sale = field(name="selinfo")


class SaleA(Sale, frozen=True, kw_only=True):
    """One row of `selinfoDetail` of 3505A: price and barcode in any case, and the insurance codes of doctor and pharmacist."""

    price_micro: Price = field(name="finl_trns_pric")  # 最终成交单价
    barcode: str = field(name="drug_prod_barc")  # 药品条形码
    prescriber_code: str = field(name="prsc_dr_no", default="")  # 开方医师编号
    pharmacist_code: str = field(name="phar_no", default="")  # 医保药师编号


class SaleAInput(Node, frozen=True, kw_only=True):
    """Input of 3505A."""

    rows: tuple[SaleA, ...] = field(name="selinfoDetail")


class SaleReturn(Goods, frozen=True, kw_only=True):
    """`selinfo` of 3506, and one row of `selinfoDetail` of 3506A."""

    settlement_id: str = field(name="setl_id", default="")  # 结算ID
    person_no: Secret = field(name="psn_no", default=Secret())  # 人员编号
    document_type: str = field(name="psn_cert_type", default="")  # 人员证件类型
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    person_name: Secret = field(name="psn_name", default=Secret())  # 人员姓名
    lot: str = field(name="manu_lotnum")  # 生产批号
    made_on: Day = field(name="manu_date")  # 生产日期
    expires_on: Day | UnsetType = field(name="expy_end", default=UNSET)  # 有效期止
    prescription_drug: Flag = field(name="rx_flag")  # 处方药标志
    split_pack: Flag = field(name="trdn_flag")  # 拆零标志
    price_micro: Price | UnsetType = field(name="finl_trns_pric", default=UNSET)  # 最终成交单价
    quantity_e4: Quantity = field(name="sel_retn_cnt")  # 销售/退货数量
    sold_at: Moment = field(name="sel_retn_time")  # 销售/退货时间
    operator_name: str = field(name="sel_retn_opter_name")  # 销售/退货经办人姓名
    memo: str = field(name="memo", default="")  # 备注
    sale_serial: str = field(name="medins_prod_sel_no", default="")  # 商品销售流水号
    visit_serial: str = field(name="mdtrt_sn")  # 就医流水号
    trace_codes: tuple[PackCode, ...] | UnsetType = field(
        name="drugtracinfo", default=UNSET
    )  # 溯源码节点信息


class SaleReturnInput(Node, frozen=True, kw_only=True):
    """Input of 3506."""

    row: SaleReturn = field(name="selinfo")


class SaleReturnAInput(Node, frozen=True, kw_only=True):
    """Input of 3506A."""

    rows: tuple[SaleReturn, ...] = field(name="selinfoDetail")


# -- 3507, 3507A -----------------------------------------------------------------------------------------------


class Deletion(Node, frozen=True, kw_only=True):
    """`data` of 3507, and one row of `goodDetail` of 3507A: everything of a batch and kind that was uploaded."""

    batch: str = field(name="fixmedins_bchno")  # 定点医药机构批次流水号
    data_kind: str = field(
        name="inv_data_type"
    )  # 进销存数据类型: 1 stock-take, 2 stock change, 3 purchase, 4 sale


class DeletionInput(Node, frozen=True, kw_only=True):
    """Input of 3507."""

    row: Deletion = field(name="data")


class DeletionAInput(Node, frozen=True, kw_only=True):
    """Input of 3507A."""

    rows: tuple[Deletion, ...] = field(name="goodDetail")


# -- what the A forms answer -----------------------------------------------------------------------------------


class RowResult(OutputNode, frozen=True, kw_only=True):
    """What became of one row; of the row that comes back with it only its keys are read."""

    national_code: str = field(name="med_list_codg", default="")  # 医疗目录编码
    own_code: str = field(name="fixmedins_hilist_id", default="")  # 定点医药机构目录编号
    batch: str = field(name="fixmedins_bchno", default="")  # 定点医药机构批次流水号
    purchase_serial: str = field(name="medins_prod_purc_no", default="")  # 商品采购流水号
    sale_serial: str = field(name="medins_prod_sel_no", default="")  # 商品销售流水号
    result: str | int = field(name="retRslt", default="")  # 返回结果: 1 ok, 0 failed
    message: str = field(name="msgRslt", default="")  # 错误原因

    @property
    def failed(self) -> bool:
        """True when the hub says that it did not take this row."""
        return str(self.result) == "0"


class GoodsOutput(OutputNode, frozen=True, kw_only=True):
    """Output of the A forms: rows under a node of their own each; a newer hub answers one `result` for all."""

    stock: tuple[RowResult, ...] = field(name="invinfoErrDetail", default=())
    purchases: tuple[RowResult, ...] = field(name="purcinfoDetail", default=())
    purchase_returns: tuple[RowResult, ...] = field(name="purcinfoErrDetail", default=())
    sales: tuple[RowResult, ...] = field(name="selinfoDetail", default=())
    sale_returns: tuple[RowResult, ...] = field(name="selinfoErrDetail", default=())
    deletions: tuple[RowResult, ...] = field(name="goodErrDetail", default=())
    whole: RowResult | None = field(name="result", default=None)

    @property
    def rows(self) -> tuple[RowResult, ...]:
        """Every row that came back, whatever its node."""
        lists = (
            self.stock,
            self.purchases,
            self.purchase_returns,
            self.sales,
            self.sale_returns,
            self.deletions,
        )
        whole = () if self.whole is None else (self.whole,)
        return tuple(row for rows in (*lists, whole) for row in rows)
