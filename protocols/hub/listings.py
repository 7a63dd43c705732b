"""Catalogues asked for by page: 1304, 1312, 1316 to 1319: ethnic drugs, insurance items, mappings, price ceilings, shares.

National interface, Hunan edition V1.1.27. They change nothing. The printed tables show no node around the rows; a
recorded reply has them in a list `data` beside the members that count pages, and so it is read here. Who made or
changed a row is left out (`crter_*`, `opter_*`, `optins_no`): a counter does not need it.
"""

from typing import Any, Self

import msgspec
from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Node, OutputNode
from protocols.hub.profile import Profile
from protocols.money import Count, Price, Ratio


class PageOutput(OutputNode, frozen=True, kw_only=True):
    """One page of rows, and the members that count pages."""

    rows: tuple[OutputNode, ...] = field(name="data", default=())
    pages: Count | None = field(name="pages", default=None)
    page: Count | None = field(name="pageNum", default=None)
    page_size: Count | None = field(name="pageSize", default=None)
    records: Count | None = field(name="recordCounts", default=None)


# -- 1304 ----------------------------------------------------------------------------------------------------


class EthnicQuery(Node, frozen=True, kw_only=True):
    """`data` of 1304 (ethnic drugs): the members that all catalogues by page have; no others are published."""

    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量


class EthnicQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1304."""

    query: EthnicQuery = field(name="data")


class EthnicQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 1304. The members of a row are not published, so a row is whatever members came."""

    rows: tuple[dict[str, Any], ...] = field(name="data", default=())
    pages: Count | None = field(name="pages", default=None)
    page: Count | None = field(name="pageNum", default=None)
    page_size: Count | None = field(name="pageSize", default=None)
    records: Count | None = field(name="recordCounts", default=None)


# -- 1312 ------------------------------------------------------------------------------------------------------


class ItemQuery(Node, frozen=True, kw_only=True):
    """`data` of 1312; what is empty is no condition."""

    as_of: str = field(name="query_date", default="")  # 查询时间点
    code: str = field(name="hilist_code", default="")  # 医保目录编码
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate", default="")  # 开始日期
    name: str = field(name="hilist_name", default="")  # 医保目录名称
    stroke_code: str = field(name="wubi", default="")  # 五笔助记码
    sound_code: str = field(name="pinyin", default="")  # 拼音助记码
    charge_category: str = field(name="med_chrgitm_type", default="")  # 医疗收费项目类别
    item_class: str = field(name="chrgitm_lv", default="")  # 收费项目等级
    restricted: str = field(name="lmt_used_flag", default="")  # 限制使用标志
    list_kind: str = field(name="list_type", default="")  # 目录类别
    medical_use: str = field(name="med_use_flag", default="")  # 医疗使用标志
    maternity_use: str = field(name="matn_used_flag", default="")  # 生育使用标志
    use_kind: str = field(name="hilist_use_type", default="")  # 医保目录使用类别
    compound_limit: str = field(name="lmt_cpnd_type", default="")  # 限复方使用类型
    valid: str = field(name="vali_flag", default="")  # 有效标志
    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量


class ItemQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1312."""

    query: ItemQuery = field(name="data")


class InsuranceItem(OutputNode, frozen=True, kw_only=True):
    """One item of the insurance catalogue."""

    code: str = field(name="hilist_code")  # 医保目录编码
    name: str = field(name="hilist_name")  # 医保目录名称
    division: str = field(name="insu_admdvs")  # 参保机构医保区划
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    charge_category: str = field(name="med_chrgitm_type", default="")  # 医疗收费项目类别
    item_class: str = field(name="chrgitm_lv")  # 收费项目等级: 01, 02, 03
    restricted: str = field(name="lmt_used_flag", default="")  # 限制使用标志
    list_kind: str = field(name="list_type", default="")  # 目录类别
    medical_use: str = field(name="med_use_flag", default="")  # 医疗使用标志
    maternity_use: str = field(name="matn_used_flag", default="")  # 生育使用标志
    use_kind: str = field(name="hilist_use_type", default="")  # 医保目录使用类别
    compound_limit: str = field(name="lmt_cpnd_type", default="")  # 限复方使用类型
    stroke_code: str = field(name="wubi", default="")  # 五笔助记码
    sound_code: str = field(name="pinyin", default="")  # 拼音助记码
    memo: str = field(name="memo", default="")  # 备注
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    updated_on: str = field(name="updt_time", default="")  # 更新时间


class ItemQueryOutput(PageOutput, frozen=True, kw_only=True):
    """Output of 1312."""

    rows: tuple[InsuranceItem, ...] = field(name="data", default=())


# -- 1316, 1317 ------------------------------------------------------------------------------------------------


class NationalMappingQuery(Node, frozen=True, kw_only=True):
    """`data` of 1316; the own item's code is spelt in two ways (profile key `form.own_code_1316`), see `spelled`."""

    as_of: str = field(name="query_date", default="")  # 查询时间点
    own_code_as_own: str | UnsetType = field(name="medins_list_codg", default=UNSET)  # 定点医药机构目录编号
    own_code_as_national: str | UnsetType = field(name="med_list_codg", default=UNSET)  # the same, so printed
    code: str = field(name="hilist_code", default="")  # 医保目录编码
    list_kind: str = field(name="list_type", default="")  # 目录类别
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate", default="")  # 开始日期
    valid: str = field(name="vali_flag", default="")  # 有效标志
    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量

    def spelled(self, profile: Profile, own_code: str) -> Self:
        """Return the query with the own item's code as this profile spells it."""
        if profile.form.own_code_1316 == "med_list_codg":
            return msgspec.structs.replace(self, own_code_as_national=own_code)
        return msgspec.structs.replace(self, own_code_as_own=own_code)


class NationalMappingQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1316."""

    query: NationalMappingQuery = field(name="data")


class NationalMapping(OutputNode, frozen=True, kw_only=True):
    """Which item of the insurance catalogue a national item is."""

    national_code: str = field(name="med_list_codg")  # 医疗目录编码
    code: str = field(name="hilist_code")  # 医保目录编码
    list_kind: str = field(name="list_type", default="")  # 目录类别
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    memo: str = field(name="memo", default="")  # 备注
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    updated_on: str = field(name="updt_time", default="")  # 更新时间


class NationalMappingQueryOutput(PageOutput, frozen=True, kw_only=True):
    """Output of 1316."""

    rows: tuple[NationalMapping, ...] = field(name="data", default=())


class OwnMappingQuery(Node, frozen=True, kw_only=True):
    """`data` of 1317."""

    as_of: str = field(name="query_date", default="")  # 查询时间点
    institution_code: str = field(name="fixmedins_code", default="")  # 定点医药机构编号
    own_code: str = field(name="medins_list_codg", default="")  # 定点医药机构目录编号
    own_name: str = field(name="medins_list_name", default="")  # 定点医药机构目录名称
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    list_kind: str = field(name="list_type", default="")  # 目录类别
    national_code: str = field(name="med_list_codg", default="")  # 医疗目录编码
    began_on: str = field(name="begndate", default="")  # 开始日期
    valid: str = field(name="vali_flag", default="")  # 有效标志
    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量


class OwnMappingQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1317."""

    query: OwnMappingQuery = field(name="data")


class OwnMapping(OutputNode, frozen=True, kw_only=True):
    """Which national item an institution's own item is."""

    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    own_code: str = field(name="medins_list_codg")  # 定点医药机构目录编号
    own_name: str = field(name="medins_list_name", default="")  # 定点医药机构目录名称
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    list_kind: str = field(name="list_type", default="")  # 目录类别
    national_code: str = field(name="med_list_codg")  # 医疗目录编码
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    approval_no: str = field(name="aprvno", default="")  # 批准文号
    dosage_form: str = field(name="dosform", default="")  # 剂型
    excluded: str = field(name="exct_cont", default="")  # 除外内容
    content: str = field(name="item_cont", default="")  # 项目内涵
    priced_by: str = field(name="prcunt", default="")  # 计价单位
    spec: str = field(name="spec", default="")  # 规格
    pack_spec: str = field(name="pacspec", default="")  # 包装规格
    memo: str = field(name="memo", default="")  # 备注
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    updated_on: str = field(name="updt_time", default="")  # 更新时间


class OwnMappingQueryOutput(PageOutput, frozen=True, kw_only=True):
    """Output of 1317."""

    rows: tuple[OwnMapping, ...] = field(name="data", default=())


# -- 1318, 1319 ------------------------------------------------------------------------------------------------


class CeilingQuery(Node, frozen=True, kw_only=True):
    """`data` of 1318."""

    as_of: str = field(name="query_date", default="")  # 查询时间点
    code: str = field(name="hilist_code", default="")  # 医保目录编码
    ceiling_kind: str = field(name="hilist_lmtpric_type", default="")  # 医保目录限价类型
    above_ceiling: str = field(name="overlmt_dspo_way", default="")  # 医保目录超限处理方式
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    table_name: str = field(name="tabname", default="")  # 表名
    pool_area: str = field(name="poolarea_no", default="")  # 统筹区
    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量


class CeilingQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1318."""

    query: CeilingQuery = field(name="data")


class Ceiling(OutputNode, frozen=True, kw_only=True):
    """The highest payable price of an item."""

    code: str = field(name="hilist_code")  # 医保目录编码
    ceiling_kind: str = field(name="hilist_lmtpric_type", default="")  # 医保目录限价类型
    above_ceiling: str = field(name="overlmt_dspo_way", default="")  # 医保目录超限处理方式
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    ceiling_micro: Price = field(name="hilist_pric_uplmt_amt")  # 医保目录定价上限金额
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    updated_on: str = field(name="updt_time", default="")  # 更新时间
    table_name: str = field(name="tabname", default="")  # 表名
    pool_area: str = field(name="poolarea_no", default="")  # 统筹区


class CeilingQueryOutput(PageOutput, frozen=True, kw_only=True):
    """Output of 1318."""

    rows: tuple[Ceiling, ...] = field(name="data", default=())


class ShareQuery(Node, frozen=True, kw_only=True):
    """`data` of 1319."""

    as_of: str = field(name="query_date", default="")  # 查询时间点
    code: str = field(name="hilist_code", default="")  # 医保目录编码
    person_kind: str = field(name="selfpay_prop_psn_type", default="")  # 医保目录自付比例人员类别
    share_kind: str = field(name="selfpay_prop_type", default="")  # 目录自付比例类别
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate", default="")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    table_name: str = field(name="tabname", default="")  # 表名
    pool_area: str = field(name="poolarea_no", default="")  # 统筹区
    updated_since: str = field(name="updt_time")  # 更新时间
    page: int = field(name="page_num")  # 当前页数
    page_size: int = field(name="page_size")  # 本页数据量


class ShareQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1319."""

    query: ShareQuery = field(name="data")


class Share(OutputNode, frozen=True, kw_only=True):
    """The part of an item's price that the person pays first."""

    code: str = field(name="hilist_code")  # 医保目录编码
    person_kind: str = field(name="selfpay_prop_psn_type", default="")  # 医保目录自付比例人员类别
    share_kind: str = field(name="selfpay_prop_type", default="")  # 目录自付比例类别
    division: str = field(name="insu_admdvs", default="")  # 参保机构医保区划
    began_on: str = field(name="begndate")  # 开始日期
    ended_on: str = field(name="enddate", default="")  # 结束日期
    share_bp: Ratio = field(name="selfpay_prop")  # 自付比例
    valid: str = field(name="vali_flag", default="")  # 有效标志
    record_no: str = field(name="rid", default="")  # 唯一记录号
    updated_on: str = field(name="updt_time", default="")  # 更新时间
    table_name: str = field(name="tabname", default="")  # 表名
    pool_area: str = field(name="poolarea_no", default="")  # 统筹区


class ShareQueryOutput(PageOutput, frozen=True, kw_only=True):
    """Output of 1319."""

    rows: tuple[Share, ...] = field(name="data", default=())
