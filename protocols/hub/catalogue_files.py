"""Catalogues that come as files: 1301 to 1303, 1305 to 1311, 1313 to 1315, 1320, 1321.

National interface, Hunan edition V1.1.27, columns as printed in its appendix. All are asked alike: the newest version
held here, from `v0000` on; the answer names a file, which 9102 brings under the institution code `plc`. The file is a
ZIP of one text in UTF-8: one row a line, cells parted by tabs, `null` for an empty one. 9102 signs nothing, so such a
file informs and decides nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

import msgspec
from msgspec import field

from protocols.errors import MalformedMessage
from protocols.hub.accounts import ABSENT, unpack
from protocols.hub.blocks import Node, OutputNode
from protocols.hub.profile import Profile
from protocols.money import Count

PUBLIC: Final = "plc"
"""`fixmedins_code` of 9102 for a file that is nobody's own."""
FIRST_VERSION: Final = "v0000"


class VersionQuery(Node, frozen=True, kw_only=True):
    """`data` of every catalogue file."""

    version: str = field(name="ver")  # 版本号, the newest one held here


class VersionQueryInput(Node, frozen=True, kw_only=True):
    """Input of every catalogue file."""

    query: VersionQuery = field(name="data")


class FileAnswer(OutputNode, frozen=True, kw_only=True):
    """Output of every catalogue file; its members sit directly under `output`. The deadline is spelt in two ways."""

    file_no: str = field(name="file_qury_no")  # 文件查询号
    name: str = field(name="filename")  # 文件名
    kept_until: str = field(name="dld_end_time", default="")  # 下载截止时间
    kept_until_too: str = field(name="dld_endtime", default="")  # 下载截止时间
    count: Count | None = field(name="data_cnt", default=None)  # 数据量


class CatalogueFile(msgspec.Struct, frozen=True):
    """One catalogue: its printed titles, how many cells a row has, and which of them (from 1) is 版本号."""

    title_zh: str
    title_en: str
    cells: int
    version_cell: int


CATALOGUE_FILES: Final[Mapping[str, CatalogueFile]] = MappingProxyType(
    {
        "1301": CatalogueFile("西药中成药目录下载", "catalogue file: Western and patent drugs", 97, 83),
        "1302": CatalogueFile("中药饮片目录下载", "catalogue file: slices", 33, 18),
        "1303": CatalogueFile("医疗机构制剂目录下载", "catalogue file: own preparations", 83, 71),
        "1305": CatalogueFile("医疗服务项目目录下载", "catalogue file: services", 19, 15),
        "1306": CatalogueFile("医用耗材目录下载", "catalogue file: consumables", 71, 70),
        "1306A": CatalogueFile("医用耗材目录下载A", "catalogue file: consumables, form A", 71, 70),
        "1307": CatalogueFile("疾病与诊断目录下载", "catalogue file: diseases", 24, 23),
        "1308": CatalogueFile("手术操作目录下载", "catalogue file: operations", 24, 23),
        "1309": CatalogueFile("门诊慢特病种目录下载", "catalogue file: chronic and special diseases", 16, 10),
        "1310": CatalogueFile("按病种付费病种目录下载", "catalogue file: per-case diseases", 15, 10),
        "1311": CatalogueFile("日间手术治疗病种目录下载", "catalogue file: day surgery", 15, 8),
        "1313": CatalogueFile("肿瘤形态学目录下载", "catalogue file: tumour morphology", 11, 10),
        "1314": CatalogueFile("中医疾病目录下载", "catalogue file: Chinese diseases", 14, 13),
        "1315": CatalogueFile("中医证候目录下载", "catalogue file: Chinese syndromes", 14, 13),
        "1320": CatalogueFile("中药配方颗粒目录下载", "catalogue file: granules", 44, 42),
        "1321": CatalogueFile("医疗服务项目（新）目录下载", "catalogue file: services, new form", 34, 21),
    }
)
"""By transaction number."""


class FileFacts(msgspec.Struct, frozen=True):
    """What a downloaded file holds."""

    rows: int
    newest_version: str
    """What to ask with next time; "" when a row has not the number of cells of the profile, as columns move between editions."""


def file_facts(infno: str, data: bytes, profile: Profile | None = None) -> FileFacts:
    """Read the ZIP of a catalogue, cut as the profile says (None: as printed). Raises `MalformedMessage` when it is none, or not UTF-8."""
    try:
        text = unpack(data).decode("utf-8-sig")
    except UnicodeDecodeError:
        raise MalformedMessage("the catalogue file is not UTF-8") from None
    printed = CATALOGUE_FILES[infno]
    other = None if profile is None else profile.catalogue.columns.get(infno)
    cells, version_cell = (
        (printed.cells, printed.version_cell) if other is None else (other.cells, other.version)
    )
    rows = [line.removesuffix("\r").split("\t") for line in text.split("\n") if line.strip()]
    if any(len(row) != cells for row in rows):
        return FileFacts(len(rows), "")
    versions = (row[version_cell - 1] for row in rows)
    return FileFacts(len(rows), max((one for one in versions if one != ABSENT), default=""))
