"""Registers that the hub keeps and every institution may read: 1201 institutions, 1901 dictionaries.

National interface, Hunan edition V1.1.27. Both change nothing.
"""

from typing import Self

from msgspec import UNSET, UnsetType, field

from protocols.hub.blocks import ExtendedOutput, Node, OutputNode
from protocols.hub.profile import Profile
from protocols.money import Count


class InstitutionQuery(Node, frozen=True, kw_only=True):
    """`medinsinfo` of 1201: at least one of name (part of it is enough) and code."""

    kind: str = field(name="fixmedins_type")  # 定点医疗服务机构类型: 1 medical institution, 2 retail pharmacy
    name: str = field(name="fixmedins_name", default="")  # 定点医药机构名称
    code: str = field(name="fixmedins_code", default="")  # 定点医药机构编号


class InstitutionQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1201."""

    query: InstitutionQuery = field(name="medinsinfo")


class RegisteredInstitution(ExtendedOutput, frozen=True, kw_only=True, omit_defaults=True):
    """One designated institution."""

    code: str = field(name="fixmedins_code")  # 定点医药机构编号
    name: str = field(name="fixmedins_name")  # 定点医药机构名称
    social_credit_code: str = field(name="uscc", default="")  # 统一社会信用代码
    kind: str = field(name="fixmedins_type")  # 定点医疗服务机构类型
    grade: str = field(name="hosp_lv", default="")  # 医院等级


class InstitutionQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 1201: a list, because part of a name can fit several."""

    institutions: tuple[RegisteredInstitution, ...] = field(name="medinsinfo", default=())


class DictionaryQuery(Node, frozen=True, kw_only=True):
    """`data` of 1901. Two members are spelt in two ways (profile key `form.dict_query`); build it with `asking`."""

    kind: str = field(name="type")  # 字典类型
    parent_snake: str | UnsetType = field(name="parent_value", default=UNSET)  # 父字典键值
    parent_camel: str | UnsetType = field(name="parentValue", default=UNSET)  # 父字典键值
    division: str = field(name="admdvs")  # 行政区划
    as_of: str = field(name="date")  # 查询日期
    valid_snake: str | UnsetType = field(name="Vali_Flag", default=UNSET)  # 有效标志
    valid_camel: str | UnsetType = field(name="valiFlag", default=UNSET)  # 有效标志

    @classmethod
    def asking(
        cls, profile: Profile, kind: str, parent: str, division: str, as_of: str, valid: str = "1"
    ) -> Self:
        """Return the question as this profile spells it."""
        if profile.form.dict_query == "camel":
            return cls(kind=kind, parent_camel=parent, division=division, as_of=as_of, valid_camel=valid)
        return cls(kind=kind, parent_snake=parent, division=division, as_of=as_of, valid_snake=valid)


class DictionaryQueryInput(Node, frozen=True, kw_only=True):
    """Input of 1901."""

    query: DictionaryQuery = field(name="data")


class DictionaryEntry(OutputNode, frozen=True, kw_only=True):
    """One value of a dictionary."""

    kind: str = field(name="type")  # 字典类型
    label: str = field(name="label")  # 字典标签
    value: str = field(name="value")  # 字典键值
    parent: str = field(name="parentValue", default="")  # 父字典键值
    place: Count | None = field(name="sort", default=None)  # 序号
    valid: str = field(name="valiFlag", default="")  # 权限标识, 0/1
    created_by: str = field(name="createUser", default="")  # 创建账户
    created_on: str = field(name="createDate", default="")  # 创建时间
    version: Count | None = field(name="version", default=None)  # 版本号


class DictionaryQueryOutput(OutputNode, frozen=True, kw_only=True):
    """Output of 1901; no rows = no such dictionary, or none of its values fits."""

    entries: tuple[DictionaryEntry, ...] = field(name="list", default=())
