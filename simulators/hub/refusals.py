"""How the hub says no: `infcode` -1 and a text that ends in a code in brackets.

The code in brackets is for programs, the words before it for the person at the counter (Chinese first).
"""

from typing import Final

WORDS: Final = {
    "AGREEMENT_INVALID": ("定点服务协议无效", "the service agreement is not in force"),
    "AMOUNTS_CHANGED": ("结算结果与预结算不一致，请重新预结算", "the split has changed: quote again"),
    "BATCH_UNKNOWN": ("收费批次无未结算明细", "the charge batch has no unsettled lines"),
    "CARD_BLOCKED": ("社会保障卡已挂失或停用", "the card is blocked"),
    "CARD_UNKNOWN": (
        "社会保障卡与卡识别码不符",
        "card number and identification code do not belong together",
    ),
    "CLEARING_EXISTS": ("该月该类别已申请清算", "already applied for"),
    "CLEARING_MISMATCH": ("清算申请与中心数据不一致", "the application differs from the hub's own figures"),
    "CLEARING_UNKNOWN": ("未找到清算申请或确认", "no such application or confirmation"),
    "CREDIT_LEVEL": (
        "医保信用等级为 D，不能办理统筹处方",
        "credit level D: no pooled prescriptions",
    ),
    "DUPLICATE_ENROLMENT": (
        "重复参保，请按正在享受待遇的险种结算",
        "insured twice: settle under the scheme that pays",
    ),
    "ECTOKEN_UNKNOWN": ("电子凭证令牌无效，请重新扫码", "unknown e-certificate token: scan again"),
    "ENVELOPE": ("报文头错误", "wrong envelope"),
    "FEE_DATE": (
        "费用发生日期不能跨年、不能晚于今天、不能早于现行政策",
        "fee dates of two years, of no policy, or ahead",
    ),
    "FIELD": ("入参错误", "wrong input"),
    "FILING_EXAMINED": ("该备案已审核，不能撤销", "the filing has been examined and cannot be withdrawn"),
    "FILING_EXISTS": ("已有相同备案", "the same is filed already"),
    "FILING_NOT_FOUND": ("未找到该备案", "no such filing"),
    "FILE_NOT_FOUND": ("未找到该文件或已过期", "no such file, or no longer kept"),
    "FILE_UNREADABLE": ("上传文件无法解析", "the uploaded file cannot be read"),
    "INFNO_UNKNOWN": ("未知的交易编号", "unknown transaction number"),
    "LINE_REPEATED": ("费用明细流水号重复", "line serial used twice in one visit"),
    "MSGID_SEEN": ("报文ID重复", "message id seen before"),
    "NOT_ENROLLED": ("该险种无有效参保信息", "no such enrolment in force"),
    "NOT_OPEN": ("该交易未开通", "this transaction is not open here"),
    "PERSON_MISMATCH": ("人员信息与凭证不符", "the medium belongs to somebody else"),
    "PERSON_NOT_FOUND": ("未查询到人员信息", "no such person"),
    "REVIEW_BLOCKED": ("该审核结果不允许继续", "this finding does not allow to carry on"),
    "REVIEW_UNKNOWN": ("未找到该审核结果", "no such finding of a review"),
    "RX_DISPENSED": ("处方已取药", "the prescription is dispensed"),
    "RX_EXPIRED": ("处方已过期", "the prescription has expired"),
    "RX_LINES": ("药品或数量超出处方", "not on the prescription, or more than it says"),
    "RX_LOCKED": ("处方已被其他机构锁定", "the prescription is held for another sale"),
    "RX_NOT_LOCKED": ("处方未审核锁定", "the prescription was not reviewed and locked"),
    "RX_VOID": ("处方已作废", "the prescription is void"),
    "RX_NOT_FOUND": ("处方中心无此处方", "the prescription centre does not know this prescription"),
    "SETL_NOT_FOUND": ("未找到该笔结算记录", "no such settlement"),
    "SIGNATURE": ("报文签名验证失败", "the signature does not verify"),
    "SIGN_IN": ("未签到或签到编号无效", "not signed in"),
    "SUM_MISMATCH": ("费用总额与明细合计不符", "the total differs from the sum of the lines"),
    "TRACE_CODE": ("缺少药品追溯码", "drug trace code missing"),
    "VISIT_HAS_LINES": ("就诊下存在未撤销的费用明细", "the visit still has unsettled lines"),
    "VISIT_NOT_FOUND": ("未找到该就诊登记", "no such visit"),
    "VISIT_SETTLED": ("就诊已结算，不能撤销", "the visit is settled"),
    "YEAR_CLOSED": ("费用所属年度已关账", "the benefit year is closed"),
    "990006": ("电子凭证令牌已过期，请重新扫码", "e-certificate token expired: scan again"),
    "990007": ("电子凭证令牌属于其他机构", "the token belongs to another institution"),
}
"""Words of the codes the hub itself raises; those of the benefit engine come with its refusals."""


class Refused(Exception):
    """The hub refuses one request; nothing is booked. `code` stands in brackets at the end of `err_msg`."""

    def __init__(self, code: str, words: tuple[str, str] | None = None, detail: str = "") -> None:
        super().__init__(code)
        self.code = code
        self._words = WORDS[code] if words is None else words
        self._detail = detail

    @property
    def err_msg(self) -> str:
        """The whole text of `err_msg`. Never holds a value of the request, only names of fields."""
        chinese, english = self._words
        detail = f"：{self._detail}" if self._detail else ""
        return f"{chinese}{detail} ({english}) [{self.code}]"


class FieldRefused(Refused):
    """One field of envelope or input is missing or wrong; the text names it."""

    def __init__(self, field: str, reason: str, code: str = "FIELD") -> None:
        super().__init__(code, detail=f"{field} {reason}")
        self.field = field
        self.reason = reason
