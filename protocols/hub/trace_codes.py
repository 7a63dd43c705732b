"""Trace codes at the hub: 3592B gives a substitute, 3512 lists those taken into stock, 3513 those sold.

National interface, Hunan edition V1.1.27, stock and sales. 3508 to 3511 are known by their key fields only and are not here.
"""

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import Day, Node, OutputNode
from protocols.hub.goods import Goods
from protocols.hub.records import RowsOutput
from protocols.secret import Secret


class SubstituteCode(Goods, frozen=True, kw_only=True):
    """`data` of 3592B."""

    memo: str = field(name="memo", default="")  # 备注


class SubstituteCodeInput(Node, frozen=True, kw_only=True):
    """Input of 3592B: a trace code for a drug that carries none."""

    row: SubstituteCode = field(name="data")


class GivenCode(OutputNode, frozen=True, kw_only=True):
    """`result` of 3592B."""

    national_code: str = field(name="med_list_codg", default="")  # 医疗目录编码
    own_code: str = field(name="fixmedins_hilist_id", default="")  # 定点医药机构目录编号
    own_name: str = field(name="fixmedins_hilist_name", default="")  # 定点医药机构目录名称
    code: str = field(name="drug_trac_codg")  # 药品追溯码


class SubstituteCodeOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 3592B."""

    given: GivenCode = field(name="result")


# -- 3512, 3513 ------------------------------------------------------------------------------------------------


class StockedCodesQuery(Node, frozen=True, kw_only=True):
    """`data` of 3512; at least one of national code, own code and batch."""

    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    own_code: str = field(name="medins_list_codg", default="")  # 医药机构目录编码
    batch: str = field(name="fixmedins_bchno", default="")  # 定点医药机构批次流水号
    began_on: Day = field(name="begndate")  # 开始日期
    ended_on: Day = field(name="enddate")  # 结束日期
    national_code: str = field(name="med_list_codg", default="")  # 医疗目录编码
    code: str = field(name="drug_trac_codg", default="")  # 药品追溯码


class StockedCodesQueryInput(Node, frozen=True, kw_only=True):
    """Input of 3512."""

    query: StockedCodesQuery = field(name="data")


class SoldCodesQuery(Node, frozen=True, kw_only=True):
    """`data` of 3513; at least one of national code, own code, batch, visit and document number. We never name a person."""

    institution_code: str = field(name="fixmedins_code")  # 定点医药机构编号
    own_code: str = field(name="medins_list_codg", default="")  # 医药机构目录编码
    batch: str = field(name="fixmedins_bchno", default="")  # 定点医药机构批次流水号
    began_on: Day | UnsetType = field(name="begndate", default=UNSET)  # 开始日期
    ended_on: Day | UnsetType = field(name="enddate", default=UNSET)  # 结束日期
    national_code: str = field(name="med_list_codg", default="")  # 医疗目录编码
    visit_id: str = field(name="mdtrt_id", default="")  # 就诊ID
    code: str = field(name="drug_trac_codg", default="")  # 药品追溯码


class SoldCodesQueryInput(Node, frozen=True, kw_only=True):
    """Input of 3513."""

    query: SoldCodesQuery = field(name="data")


class HeldCode(OutputNode, frozen=True, kw_only=True):
    """One trace code at the hub; visit, kind of settlement, split pack, person and time of the update of 3513 only."""

    institution_code: str = field(name="fixmedinsCode", default="")  # 定点医药机构编号
    own_code: str = field(name="medinsListCodg", default="")  # 医药机构目录编码
    own_name: str = field(name="medinsListName", default="")  # 医药机构目录名称
    batch: str = field(name="fixmedinsBchno", default="")  # 定点医药机构批次流水号
    national_code: str = field(name="medListCodg", default="")  # 医疗目录编码
    code: str = field(name="drugTracCodg", default="")  # 药品追溯码
    valid: str = field(name="valiFlag", default="")  # 有效标志, of 3512
    visit_id: str = field(name="mdtrtId", default="")  # 就诊ID
    settled: str = field(name="mdtrtSetlType", default="")  # 就诊结算类型, 1 insured, 2 self-paid
    split_pack: str = field(name="trdnFlag", default="")  # 拆零标志
    person_no: Secret = field(name="psnNo", default=Secret())  # 人员编号
    document_no: Secret = field(name="certno", default=Secret())  # 证件号码
    person_name: Secret = field(name="psnName", default=Secret())  # 人员姓名
    updated_at: str = field(name="updtTime", default="")  # 数据更新时间


class HeldCodesOutput(RowsOutput, frozen=True, kw_only=True):
    """Output of 3512 and 3513. The table prints the node's name as `output`; read from a list `data` or a bare one (K20c)."""

    rows: tuple[HeldCode, ...] = field(name="data", default=())
