"""The own catalogue against the national one: 3301 uploads mappings, 3302 withdraws one.

National interface, Hunan edition V1.1.27, catalogue mapping. A settlement uses the mapping of its day; 1317 lists them.
After a lost answer either is sent again, under a new message id: no published rule says what a hub makes of the second.
"""

from msgspec import field

from protocols.hub.blocks import Day, Node


class Mapping(Node, frozen=True, kw_only=True):
    """One row of `data` of 3301."""

    own_code: str = field(name="fixmedins_hilist_id")  # 定点医药机构目录编号
    own_name: str = field(name="fixmedins_hilist_name")  # 定点医药机构目录名称
    list_kind: str = field(name="list_type")  # 目录类别
    national_code: str = field(name="med_list_codg")  # 医疗目录编码
    began_on: Day = field(name="begndate")  # 开始日期
    ended_on: Day = field(name="enddate")  # 结束日期
    approval_no: str = field(name="aprvno", default="")  # 批准文号
    dosage_form: str = field(name="dosform", default="")  # 剂型
    excluded: str = field(name="exct_cont", default="")  # 除外内容
    contains: str = field(name="item_cont", default="")  # 项目内涵
    unit: str = field(name="prcunt", default="")  # 计价单位
    spec: str = field(name="spec", default="")  # 规格
    pack_spec: str = field(name="pacspec", default="")  # 包装规格
    memo: str = field(name="memo", default="")  # 备注


class MappingInput(Node, frozen=True, kw_only=True):
    """Input of 3301: several rows a call."""

    rows: tuple[Mapping, ...] = field(name="data")


class MappingWithdrawalInput(Node, frozen=True, kw_only=True):
    """Input of 3302; its members sit directly under `input`."""

    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    own_code: str = field(name="fixmedins_hilist_id")  # 定点医药机构目录编号
    list_kind: str = field(name="list_type")  # 目录类别
    national_code: str = field(name="med_list_codg")  # 医疗目录编码
