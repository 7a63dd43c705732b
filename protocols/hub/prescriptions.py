"""Circulating prescriptions: 990101 list, 990102 lock, 990103 free. Our own numbers (decision K98).

The national prescription centre exists; its interface is not public. What a pharmacy needs of it is small, and this is
our form of it, in the hub's envelope: which prescriptions a person holds, a lock for the time of one sale, and freeing
it again. Dispensing has no message: the settlement says it, by `rxno` and `rx_circ_flag` of its lines (2102, K24), and
what undoes the settlement frees the prescription again. Member names are the national ones where those exist.
"""

from msgspec import field

from protocols.hub.blocks import Node, OutputNode
from protocols.money import Quantity
from protocols.secret import Secret

ISSUED, LOCKED, DISPENSED, VOID, EXPIRED = "1", "2", "3", "4", "5"
"""`rx_stas`. A lock that has run out counts as issued; one that is dispensed is issued again when its settlement is undone."""


class PrescriptionsQuery(Node, frozen=True, kw_only=True):
    """`data` of 990101."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    prescription_no: str = field(name="rxno", default="")  # 处方号, "" = all


class PrescriptionsQueryInput(Node, frozen=True, kw_only=True):
    """Input of 990101."""

    query: PrescriptionsQuery = field(name="data")


class PrescribedItem(OutputNode, frozen=True, kw_only=True):
    """One drug of a prescription."""

    code: str = field(name="med_list_codg")  # 医疗目录编码
    name: str = field(name="drug_genname", default="")  # 药品名称
    quantity: Quantity = field(name="cnt")  # 数量, in all: no settlement may hold more


class CirculatingPrescription(OutputNode, frozen=True, kw_only=True):
    """One prescription of the person."""

    number: str = field(name="rxno")  # 处方号
    status: str = field(name="rx_stas")  # 处方状态
    issuer_code: str = field(name="fixmedins_code", default="")  # 开方机构
    issuer_name: str = field(name="fixmedins_name", default="")  # 开方机构名称
    doctor_name: str = field(name="dr_name", default="")  # 开方医师
    diagnosis: str = field(name="diag_name", default="")  # 诊断
    issued_on: str = field(name="begndate", default="")  # 开方日期
    valid_until: str = field(name="enddate", default="")  # 有效期至
    items: tuple[PrescribedItem, ...] = field(name="rxdetail", default=())


class PrescriptionsQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 990101."""

    prescriptions: tuple[CirculatingPrescription, ...] = field(name="data", default=())


class PrescriptionLock(Node, frozen=True, kw_only=True):
    """`data` of 990102. The same holder may ask again: it is the same lock, held longer."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    prescription_no: str = field(name="rxno")  # 处方号
    lock_no: str = field(name="lock_no")  # 锁定流水号, our own
    pharmacist_code: str = field(name="phar_code")  # 审方药师编码
    pharmacist_name: str = field(name="phar_name")  # 审方药师姓名


class PrescriptionLockInput(Node, frozen=True, kw_only=True):
    """Input of 990102."""

    lock: PrescriptionLock = field(name="data")


class PrescriptionLocked(OutputNode, frozen=True, kw_only=True):
    """`data` of the answer to 990102."""

    number: str = field(name="rxno")  # 处方号
    until: str = field(name="lock_endtime")  # 锁定截止时间, UTC+8: it frees itself then


class PrescriptionLockOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 990102."""

    locked: PrescriptionLocked = field(name="data")


class PrescriptionRelease(Node, frozen=True, kw_only=True):
    """`data` of 990103: frees the lock of that number; what is not held by it stays as it is, and that is no error."""

    person_no: Secret = field(name="psn_no")  # 人员编号
    prescription_no: str = field(name="rxno")  # 处方号
    lock_no: str = field(name="lock_no")  # 锁定流水号


class PrescriptionReleaseInput(Node, frozen=True, kw_only=True):
    """Input of 990103."""

    release: PrescriptionRelease = field(name="data")
