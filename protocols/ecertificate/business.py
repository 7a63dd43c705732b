"""What a code is used for (`businessType`) and the numbers our requests carry (`outBizNo`)."""

import datetime as dt
import enum

from protocols import wire_time


class BusinessType(enum.Enum):
    """Dictionary code_biz_type: two digits place (01 hospital, 02 pharmacy, 03 app), then the step."""

    REGISTRATION = "01101"  # 挂号
    INPATIENT_FILE = "01102"  # 住院建档
    ADMISSION = "01103"  # 入院登记
    PREPAYMENT = "01104"  # 缴纳预缴金
    CONSULTATION = "01201"  # 问诊
    BOOK_EXAMINATION = "01202"  # 预约检查
    EXAMINATION = "01203"  # 检查
    TREATMENT = "01204"  # 治疗
    SETTLEMENT = "01301"  # 结算
    COLLECT_MEDICINE = "01302"  # 取药
    COLLECT_REPORTS = "01303"  # 取报告
    PRINT_BILLS = "01304"  # 打印票据和清单
    COPY_RECORDS = "01305"  # 病历材料复印
    PHARMACY_PURCHASE = "02121"  # 药店购药
    EXTERNAL_PRESCRIPTION = "02122"  # 下载外购处方
    APP_IDENTITY = "03131"  # 医疗类APP线上身份认证
    APP_SETTLEMENT = "03132"  # 医疗类APP线上结算
    CHANGE_PASSWORD = "05101"  # 线下修改密码


def out_biz_no(institution_code: str, at: dt.datetime, random_digits: int) -> str:
    """Build a business number: institution + yyyyMMddHHmmssSSS + 10 random digits (PD-5).

    `random_digits` is drawn by the caller, 0 to 9999999999; the number is stored before it is sent and never reused.
    """
    if not 0 <= random_digits <= 9_999_999_999:
        raise ValueError("ten random digits")
    number = f"{institution_code}{wire_time.format_stamp_ms(at)}{random_digits:010d}"
    if len(number) > 64:
        raise ValueError("the institution code is too long for a business number of 64 characters")
    return number
