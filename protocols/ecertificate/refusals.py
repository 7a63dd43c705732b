"""What a refusal of the e-certificate centre means, and what the counter does next.

500159 is the centre's own code. The 9900xx codes are ours (PD-6): the real list is not public, and nobody shall
mistake them for national codes. Code and message of a refusal are always kept as they came.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec

NOT_A_CERTIFICATE: Final = 500159
CODE_EXPIRED: Final = 990001
CODE_UNKNOWN: Final = 990002
CODE_USED_ELSEWHERE: Final = 990003
NOT_ACTIVATED: Final = 990004
FROZEN: Final = 990005
TOKEN_EXPIRED: Final = 990006
TOKEN_OF_ANOTHER_INSTITUTION: Final = 990007
BUSINESS_TYPE_NOT_ALLOWED: Final = 990008
FIELD_MALFORMED: Final = 990009
CANCELLED: Final = 990010
FACE_MISMATCH: Final = 990011
LIVENESS_FAILED: Final = 990012
AUTH_NO_EXPIRED: Final = 990013
OUT_BIZ_NO_REPEATED: Final = 990014
CENTRE_UNAVAILABLE: Final = 990015
SIGNATURE_WRONG: Final = 990016
CANNOT_DECRYPT: Final = 990017
CLOCK_OFF: Final = 990018
REQUEST_REPEATED: Final = 990019


class Next(enum.Enum):
    """What helps after a refusal."""

    RESCAN = "rescan"
    OFFER_ACTIVATION = "offer_activation"
    ASK_AGAIN = "ask_again"
    TRY_AGAIN_LIMITED = "try_again_limited"
    NEW_FACE_CHECK = "new_face_check"
    NEW_NUMBER = "new_number"
    BACK_OFF = "back_off"
    FIX_CLOCK = "fix_clock"
    CONFIGURATION = "configuration"
    BUG = "bug"
    NOTHING = "nothing"


class Meaning(msgspec.Struct, frozen=True):
    """One known refusal code in words."""

    zh: str
    en: str
    next: Next


MEANINGS: Final[Mapping[int, Meaning]] = MappingProxyType(
    {
        NOT_A_CERTIFICATE: Meaning("不是医保码", "not an e-certificate code", Next.RESCAN),
        CODE_EXPIRED: Meaning(
            "医保码已过期，请刷新后重扫", "code expired; refresh it and scan again", Next.RESCAN
        ),
        CODE_UNKNOWN: Meaning("医保码不存在，请重扫", "code unknown; scan again", Next.RESCAN),
        CODE_USED_ELSEWHERE: Meaning(
            "医保码已在其他机构使用，请刷新后重扫",
            "code already used elsewhere; refresh it and scan again",
            Next.RESCAN,
        ),
        NOT_ACTIVATED: Meaning("医保电子凭证未激活", "e-certificate not activated", Next.OFFER_ACTIVATION),
        FROZEN: Meaning("医保电子凭证已冻结或注销", "e-certificate frozen or cancelled", Next.NOTHING),
        TOKEN_EXPIRED: Meaning("令牌已过期，请重新扫码", "token expired; scan again", Next.RESCAN),
        TOKEN_OF_ANOTHER_INSTITUTION: Meaning(
            "令牌属于其他机构", "token belongs to another institution", Next.NOTHING
        ),
        BUSINESS_TYPE_NOT_ALLOWED: Meaning(
            "用码业务类型不允许", "business type not allowed here", Next.CONFIGURATION
        ),
        FIELD_MALFORMED: Meaning("请求字段缺失或格式错误", "field missing or malformed", Next.BUG),
        CANCELLED: Meaning("已取消或超时", "cancelled, or timed out", Next.ASK_AGAIN),
        FACE_MISMATCH: Meaning("人脸不匹配", "face does not match", Next.TRY_AGAIN_LIMITED),
        LIVENESS_FAILED: Meaning("活体检测未通过", "liveness check failed", Next.TRY_AGAIN_LIMITED),
        AUTH_NO_EXPIRED: Meaning(
            "授权流水号已失效", "authorisation number expired or used", Next.NEW_FACE_CHECK
        ),
        OUT_BIZ_NO_REPEATED: Meaning("业务流水号重复", "business number repeated", Next.NEW_NUMBER),
        CENTRE_UNAVAILABLE: Meaning(
            "电子凭证中台暂不可用", "e-certificate centre unavailable", Next.BACK_OFF
        ),
        SIGNATURE_WRONG: Meaning("签名错误", "signature wrong", Next.NOTHING),
        CANNOT_DECRYPT: Meaning("无法解密", "cannot decrypt", Next.NOTHING),
        CLOCK_OFF: Meaning("时间戳超出允许范围", "timestamp outside the window", Next.FIX_CLOCK),
        REQUEST_REPEATED: Meaning("请求重复", "request repeated", Next.BUG),
    }
)


class CentreRefusal(msgspec.Struct, frozen=True):
    """The centre said no: its own code and message, unchanged."""

    code: int
    message: str

    @property
    def meaning(self) -> Meaning | None:
        """The code in words, None when we do not know it (then only `message` explains)."""
        return MEANINGS.get(self.code)
