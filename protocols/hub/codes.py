"""Names for codes that people see on slips and screens, Chinese first.

The lists are those of the dictionary chapter of the national interface (Hunan edition V1.1.27), with the values other
provinces are known to send. Provinces add their own codes all the time: an unknown code is shown as it is, and never
refused.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

import msgspec

Language = Literal["zh", "en"]


class Term(msgspec.Struct, frozen=True):
    """One code's name in both languages."""

    zh: str
    en: str


Dictionary = Mapping[str, Term]


def name(dictionary: Dictionary, code: str, language: Language = "zh") -> str:
    """Return the name of a code; an unknown code is its own name."""
    term = dictionary.get(code)
    if term is None:
        return code
    return term.zh if language == "zh" else term.en


def _dictionary(terms: dict[str, tuple[str, str]]) -> Dictionary:
    return MappingProxyType({code: Term(zh, en) for code, (zh, en) in terms.items()})


MDTRT_CERT_TYPE: Final = _dictionary(
    {
        "01": ("医保电子凭证", "e-certificate"),
        "02": ("居民身份证", "resident identity card"),
        "03": ("社会保障卡", "social-security card"),
    }
)
"""就诊凭证类型, kinds of medium."""

GEND: Final = _dictionary(
    {
        "0": ("未知", "unknown"),
        "1": ("男", "male"),
        "2": ("女", "female"),
        "9": ("未说明", "not stated"),
    }
)
"""性别, sex."""

INSUTYPE: Final = _dictionary(
    {
        "310": ("职工基本医疗保险", "employee basic medical insurance"),
        "320": ("公务员医疗补助", "civil-servant subsidy"),
        "330": ("大额医疗费用补助", "large-amount subsidy"),
        "340": ("离休人员医疗保障", "retired cadres"),
        "350": ("一至六级残废军人医疗补助", "disabled soldiers, grades 1 to 6"),
        "360": ("老红军医疗保障", "Red Army veterans"),
        "370": ("企业补充医疗保险", "enterprise supplementary insurance"),
        "380": ("新型农村合作医疗", "new rural cooperative"),
        "390": ("城乡居民基本医疗保险", "resident basic medical insurance"),
        "391": ("城镇居民基本医疗保险", "urban resident basic medical insurance"),
        "392": ("城乡居民大病医疗保险", "resident serious-illness insurance"),
        "399": ("其他特殊人员医疗保障", "other special persons"),
        "410": ("长期照护保险", "long-term care insurance"),
        "510": ("生育保险", "maternity insurance"),
        "39905": ("二乙医疗保险", "class-2B disabled soldiers"),
    }
)
"""险种类型, insurance schemes."""

PSN_TYPE: Final = _dictionary(
    {
        "11": ("在职", "in service"),
        "12": ("退休", "retired"),
        "13": ("离休", "retired cadre"),
        "15": ("居民（成年）", "resident, adult"),
        "16": ("居民（老年）", "resident, elderly"),
        "18": ("农牧民", "farmer or herder"),
        "33": ("一至六级残疾军人", "disabled soldier, grades 1 to 6"),
        "34": ("建国前老工人", "worker since before 1949"),
        "99": ("其他", "other"),
        "151": ("居民", "resident"),
        "1105": ("农民工", "migrant worker"),
        "1111": ("伤残军人在职", "disabled soldier, in service"),
        "1112": ("伤残军人退休", "disabled soldier, retired"),
        "1204": ("提前退休", "early retirement"),
        "1302": ("二乙伤残军人", "class-2B disabled soldier"),
        "1304": ("离休配偶", "spouse of a retired cadre"),
        "1401": ("新生儿", "newborn"),
        "1402": ("学龄前儿童", "pre-school child"),
        "1403": ("中小学生", "pupil"),
        "1404": ("大学生", "student"),
        "1405": ("未成年（未入学）", "minor, not at school"),
        "1701": ("城乡居民", "resident"),
    }
)
"""人员类别, person types."""

MED_TYPE: Final = _dictionary(
    {
        "11": ("普通门诊", "ordinary out-patient"),
        "12": ("门诊挂号", "registration"),
        "13": ("急诊", "emergency"),
        "14": ("门诊慢特病", "chronic or special disease"),
        "15": ("特药", "special drug"),
        "18": ("特药购药", "special-drug purchase"),
        "21": ("普通住院", "ordinary in-patient"),
        "22": ("外伤住院", "injury in-patient"),
        "28": ("日间手术", "day surgery"),
        "41": ("定点药店购药", "designated pharmacy purchase"),
        "51": ("生育门诊", "maternity out-patient"),
        "52": ("生育住院", "maternity in-patient"),
        "53": ("计划生育手术", "family-planning operation"),
        "71": ("家庭病床", "home bed"),
        "1103": ("癌症筛查", "cancer screening"),
        "1301": ("急诊抢救", "emergency rescue"),
        "1403": ("门诊两病", "two diseases, out-patient"),
        "2101": ("普通住院", "ordinary in-patient"),
        "2102": ("单病种住院", "single-disease in-patient"),
        "2105": ("康复治疗住院", "rehabilitation in-patient"),
        "2106": ("生育平产(居民)", "natural birth (resident)"),
        "2107": ("生育剖宫产(居民)", "caesarean birth (resident)"),
        "2109": ("新生儿抢救", "newborn rescue"),
        "9901": ("门诊两病", "two diseases, out-patient"),
        "9903": ("意外伤害门诊", "accident out-patient"),
        "9904": ("大病特药", "serious-illness special drug"),
        "9929": ("药店慢特病购药", "chronic drugs at a pharmacy"),
        "21303": ("精神病住院", "psychiatric in-patient"),
        "140101": ("门诊大病", "major disease, out-patient"),
        "140104": ("门诊慢病", "chronic disease, out-patient"),
        "140201": ("门诊特病", "special disease, out-patient"),
        "510103": ("产前检查", "antenatal check"),
        "910202": ("国家谈判药品", "nationally negotiated drug"),
        "990101": ("门诊单病种", "single disease, out-patient"),
        "990103": ("新冠病毒核酸检测", "coronavirus test"),
    }
)
"""医疗类别, medical categories."""

CLR_TYPE: Final = _dictionary(
    {
        "11": ("门诊", "out-patient"),
        "12": ("门诊挂号", "registration"),
        "13": ("急诊", "emergency"),
        "14": ("门诊慢特病", "chronic or special disease"),
        "15": ("两病门诊", "two diseases"),
        "18": ("特药购药", "special-drug purchase"),
        "21": ("住院", "in-patient"),
        "22": ("意外伤害住院", "accident in-patient"),
        "27": ("单病种住院", "single-disease in-patient"),
        "28": ("日间手术", "day surgery"),
        "41": ("药店购药", "pharmacy purchase"),
        "51": ("暂缓结算", "deferred settlement"),
        "53": ("生育门诊", "maternity out-patient"),
        "99": ("其他", "other"),
        "1103": ("意外伤害门诊", "accident out-patient"),
        "9907": ("总控", "under total control"),
        "9908": ("非总控", "outside total control"),
        "9909": ("域内异地", "elsewhere in the province"),
        "9950": ("职工药店购药清算", "employee pharmacy clearing"),
        "9974": ("域外异地药店购药", "other province, pharmacy"),
        "9975": ("域内异地门慢门特", "elsewhere in the province, chronic"),
        "9987": ("域外异地门慢门特", "other province, chronic"),
        "99915": ("职工门诊清算", "employee out-patient clearing"),
        "99922": ("职工门诊慢特病清算", "employee chronic clearing"),
        "99939": ("城乡门诊统筹清算", "resident out-patient clearing"),
        "99945": ("城乡门诊慢特病清算", "resident chronic clearing"),
        "99952": ("异地医疗费用清算", "out-of-area clearing"),
        "99958": ("国家谈判药品支付", "negotiated drugs"),
        "99960": ("门诊两病", "two diseases"),
        "99963": ("域外异地门诊", "other province, out-patient"),
        "99968": ("域外异地住院", "other province, in-patient"),
        "310111": ("职工省内门诊", "employee, in-province out-patient"),
        "310112": ("职工跨省门诊", "employee, cross-province out-patient"),
        "310411": ("职工省内药店购药", "employee, in-province pharmacy"),
        "310412": ("职工跨省药店购药", "employee, cross-province pharmacy"),
        "390111": ("居民省内门诊", "resident, in-province out-patient"),
        "390112": ("居民跨省门诊", "resident, cross-province out-patient"),
        "390411": ("居民省内药店购药", "resident, in-province pharmacy"),
    }
)
"""清算类别, clearing categories (those a pharmacy or clinic meets)."""

FUND_PAY_TYPE: Final = _dictionary(
    {
        "310100": ("城镇职工基本医疗保险统筹基金", "employee pooled fund"),
        "310101": ("城镇职工基本医疗保险统筹基金（预付金）", "employee pooled fund, prepaid"),
        "310102": ("职工门诊统筹基金", "employee out-patient pool"),
        "310200": ("城镇职工基本医疗保险个人账户基金", "employee personal account"),
        "310201": ("城镇职工基本医疗保险个人账户基金", "employee personal account"),
        "310300": ("职工大病补助基金", "employee serious-illness fund"),
        "310400": ("军转干部医疗补助基金", "demobilised officers' subsidy"),
        "310500": ("代缴基金（破产改制）", "contributions paid for others"),
        "320100": ("公务员医疗补助基金", "civil-servant subsidy"),
        "320200": ("厅级干部补助基金", "senior officials' subsidy"),
        "330100": ("大额医疗费用补助基金", "large-amount subsidy"),
        "330101": ("大额医疗费用补助基金", "large-amount subsidy"),
        "330200": ("职工意外伤害基金", "employee accident fund"),
        "340100": ("离休人员医疗保障基金", "retired cadres' fund"),
        "340200": ("离休老工人门慢保障基金", "retired workers' chronic fund"),
        "350100": ("一至六级残疾军人医疗补助基金", "disabled soldiers' subsidy"),
        "370100": ("企业补充医疗保险基金", "enterprise supplementary fund"),
        "370200": ("公益补充保险基金", "charitable supplementary fund"),
        "390100": ("城乡居民基本医疗保险基金", "resident pooled fund"),
        "390101": ("城乡居民基本医疗保险基金（预付金）", "resident pooled fund, prepaid"),
        "390102": ("居民门诊统筹基金", "resident out-patient pool"),
        "390200": ("城乡居民大病医疗保险基金", "resident serious-illness fund"),
        "390300": ("城乡居民大病补充保险基金", "resident serious-illness supplement"),
        "390400": ("居民意外伤害基金", "resident accident fund"),
        "390500": ("居民家庭账户金", "resident family account"),
        "410100": ("工伤保险基金", "work-injury fund"),
        "510100": ("生育基金", "maternity fund"),
        "610100": ("医疗救助基金", "medical assistance"),
        "610200": ("优抚对象医疗补助基金", "preferential-treatment subsidy"),
        "620100": ("特惠保补偿金", "special-benefit compensation"),
        "630100": ("医院减免金", "hospital waiver"),
        "640100": ("医院减免金", "hospital waiver"),
        "999109": ("农村低收入人口医疗补充保险", "low-income supplementary insurance"),
        "999900": ("医院垫付", "hospital advance"),
        "999996": ("医院垫付基金", "hospital advance"),
        "999997": ("其他基金", "other fund"),
    }
)
"""基金支付类型, funds (and the accounts and institutions that stand beside them in `setldetail`)."""
