"""Chinese names of the codes a slip shows (national dictionaries insutype, med_type, psn_type, chrgitm_lv).

A code that is not listed is printed as it is: a new code must not stop a slip.
"""

_INSUTYPE = {
    "310": "职工基本医疗保险",
    "320": "公务员医疗补助",
    "330": "大额医疗费用补助",
    "340": "离休人员医疗保障",
    "350": "一至六级残废军人医疗补助",
    "360": "老红军医疗保障",
    "370": "企业补充医疗保险",
    "380": "新型农村合作医疗",
    "390": "城乡居民基本医疗保险",
    "391": "城镇居民基本医疗保险",
    "392": "城乡居民大病医疗保险",
    "399": "其他特殊人员医疗保障",
    "410": "长期照护保险",
    "510": "生育保险",
}

_MED_TYPE = {
    "11": "普通门诊",
    "12": "门诊挂号",
    "13": "急诊",
    "14": "门诊慢特病",
    "18": "特药购药",
    "41": "定点药店购药",
    "51": "生育门诊",
    "9901": "门诊两病",
    "9903": "意外伤害门诊",
    "9904": "大病特药",
    "140104": "门诊慢病",
    "140201": "门诊特病",
}

_PSN_TYPE = {
    "1401": "新生儿",
    "1402": "学龄前儿童",
    "1403": "中小学生",
    "1404": "大学生",
    "1405": "未成年(未入学)",
}

# The first two digits are national.
_PSN_TYPE_FAMILY = {
    "11": "在职",
    "12": "退休",
    "13": "离休",
    "14": "未成年人及学生",
    "15": "居民(成年)",
    "16": "居民(老年)",
}

_LEVEL = {"01": "甲", "02": "乙", "03": "自费"}

_FUND = {
    "hifp_pay": "基本统筹",
    "cvlserv_pay": "公务员补助",
    "hifes_pay": "企业补充",
    "hifmi_pay": "居民大病",
    "hifob_pay": "职工大额",
    "maf_pay": "医疗救助",
    "hifdm_pay": "伤残保障",
    "oth_pay": "其他",
}


_FUND_TYPE = {
    "310100": "基本统筹",
    "390100": "基本统筹",
    "310200": "个人账户",
    "310201": "个人账户",
    "390500": "个人账户",
    "330100": "职工大额",
    "390200": "居民大病",
    "320100": "公务员补助",
    "370100": "企业补充",
    "610100": "医疗救助",
}


def fund_type_name(code: str, name: str) -> str:
    """Name of a fund by its `fund_pay_type`, else as the hub calls it."""
    return _FUND_TYPE.get(code) or name or code


def insutype_name(code: str) -> str:
    """Scheme of insurance."""
    return _INSUTYPE.get(code, code)


def med_type_name(code: str) -> str:
    """Category of care."""
    return _MED_TYPE.get(code, code)


def psn_type_name(code: str) -> str:
    """Person category: the code itself, else its national first two digits."""
    return _PSN_TYPE.get(code) or _PSN_TYPE_FAMILY.get(code[:2], code)


def level_mark(code: str) -> str:
    """Mark of an item line: class A, class B, own cost."""
    return _LEVEL.get(code, code)


def fund_name(field: str) -> str:
    """Name of one fund by its field in `setlinfo`."""
    return _FUND.get(field, field)
