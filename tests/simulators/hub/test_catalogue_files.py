"""Catalogues as files, 1301 and its like: what both ends make of rows, versions and owners."""

import msgspec
import pytest

from protocols.errors import MalformedMessage
from protocols.hub.accounts import pack, unpack
from protocols.hub.catalogue_files import CATALOGUE_FILES, FileAnswer, FileFacts, file_facts
from protocols.hub.envelope import encode_request
from simulators.benefit.policies import PolicyBook, load_shipped
from simulators.hub import tables
from simulators.hub.catalogue_files import NUMBERS
from simulators.serve import build_world
from tests.simulators.hub.counter import START, Counter, purchase
from tests.simulators.hub.spoiled import spoiled
from tests.simulators.hub.test_client_reads import typed

CELLS = {
    "1301": 97, "1302": 33, "1303": 83, "1305": 19, "1306": 71, "1306A": 71, "1307": 24, "1308": 24, "1309": 16, "1310": 15,
    "1311": 15, "1313": 11, "1314": 14, "1315": 14, "1320": 44, "1321": 34,
}  # fmt: skip
"""How many cells a row has, as printed."""


def named(till: Counter, infno: str, version: str = "v0000") -> FileAnswer:
    """The hub's answer about a catalogue."""
    answer = typed(infno, till.ask(infno, {"data": {"ver": version}}))
    assert isinstance(answer, FileAnswer)
    return answer


def fetched(till: Counter, file: FileAnswer, owner: str = "plc") -> bytes:
    """What 9102 brings."""
    node = {"file_qury_no": file.file_no, "filename": file.name, "fixmedins_code": owner}
    request = till.request("9102", {"fsDownloadIn": node})
    return till.world.hub.respond(encode_request(request), till.now).body


def test_both_ends_know_the_same_catalogues() -> None:
    assert set(CATALOGUE_FILES) == NUMBERS == set(CELLS)
    assert {infno: one.cells for infno, one in CATALOGUE_FILES.items()} == CELLS


@pytest.mark.parametrize("infno", CELLS)
def test_a_catalogue_is_fetched_whole_and_then_only_what_is_newer(till: Counter, infno: str) -> None:
    file = named(till, infno)
    data = fetched(till, file)
    lines = unpack(data).decode().splitlines()
    assert all(len(line.split("\t")) == CELLS[infno] for line in lines)
    facts = file_facts(infno, data)
    assert facts == FileFacts(len(lines), "v0001" if lines else "")
    assert file.count == facts.rows
    assert file_facts(infno, fetched(till, named(till, infno, "v0001"))) == FileFacts(0, "")


def test_drugs_and_diseases_stand_in_their_printed_cells(till: Counter) -> None:
    drugs = unpack(fetched(till, named(till, "1301"))).decode().splitlines()
    tablets = next(line.split("\t") for line in drugs if line.startswith("XTEST000000000000000D03"))
    assert (tablets[3], tablets[36], tablets[78], tablets[82], tablets[1]) == (
        "口服降糖片", "2020-01-01", "1", "v0001", "null",
    )  # fmt: skip
    diseases = unpack(fetched(till, named(till, "1309"))).decode().splitlines()
    assert any(line.split("\t")[0] == "M01600" and line.split("\t")[14] == "糖尿病" for line in diseases)


def test_only_the_rows_of_newer_versions_come_and_a_selected_product_says_so() -> None:
    """One drug and one disease changed in v0002 (R30, R52, R56)."""
    world = build_world(seed=7, book=with_newer_item("D03"))
    changed = msgspec.structs.replace(world.world.diseases["M01600"], version="v0002")
    world.world.diseases["M01600"] = changed
    till = Counter(world, "P99990000001")
    till.sign_in()
    for infno, code in (("1301", "XTEST000000000000000D03"), ("1309", "M01600")):
        whole, newer = (fetched(till, named(till, infno, version)) for version in ("v0000", "v0001"))
        assert [line.split("\t")[0] for line in unpack(newer).decode().splitlines()] == [code]
        assert {file_facts(infno, data).newest_version for data in (whole, newer)} == {"v0002"}
    drugs = [line.split("\t") for line in unpack(fetched(till, named(till, "1301"))).decode().splitlines()]
    remarks = {row[0][-3:]: row[77] for row in drugs if row[77] != "null"}
    assert set(remarks) == {"D01", "D12", "D14"}
    assert remarks["D01"] == "集采中选 TEST-2024-1 2024-07-01/2030-06-30"


def with_newer_item(item: str) -> PolicyBook:
    """The shipped book with one item changed in v0002."""
    book = load_shipped()
    items = dict(book.catalogue.items)
    items[item] = msgspec.structs.replace(items[item], version="v0002")
    return msgspec.structs.replace(book, catalogue=msgspec.structs.replace(book.catalogue, items=items))


def test_every_wrong_version_is_refused_by_the_fields_name(till: Counter) -> None:
    for infno in ("1301", "1321"):
        for name, node in spoiled(tables.CATALOGUE_VERSION, {"ver": "v0000"}):
            reply = till.ask(infno, {"data": node})
            assert (reply.infcode, reply.code) == (-1, "FIELD"), node
            assert f"data.{name} " in reply.err_msg


def test_a_public_file_is_everybodys_and_an_own_one_is_not(till: Counter, clinic: Counter) -> None:
    file = named(till, "1302")
    assert fetched(clinic, file) == fetched(till, file)
    assert not fetched(till, file, owner="P99990000001").startswith(b"PK")
    assert not fetched(till, file, owner="P99990000003").startswith(b"PK")


def test_a_file_with_other_columns_has_no_version_to_ask_with() -> None:
    assert file_facts("1313", pack("x.txt", b"a\tb\n")) == FileFacts(1, "")
    with pytest.raises(MalformedMessage):
        file_facts("1313", b"PK is not enough")
    with pytest.raises(MalformedMessage):
        file_facts("1313", pack("x.txt", b"\xff\xfe"))


def test_an_item_that_leaves_the_list_is_class_b_to_its_last_day_and_class_c_after_it(till: Counter) -> None:
    """R53, on the wire: 1312 tells the last day, the lines of a quote follow it."""
    jia = till.world.person("jia")
    page = {
        "updt_time": "2020-01-01",
        "page_num": 1,
        "page_size": 99,
        "hilist_code": "XTEST000000000000000D16",
    }
    (row,) = till.ask("1312", {"data": page}).output["data"]
    assert (row["chrgitm_lv"], row["enddate"]) == ("02", "2026-12-31")
    split = {}
    for now in (START.replace(month=12, day=31), START.replace(year=2027, month=1, day=1)):
        till.now = now
        reply = till.ask("2101", purchase(till, jia, till.token(jia), (("D16", 1, 2000),)), "999900")
        (line,) = reply.output["detlcutinfo"]
        split[f"{now:%Y-%m-%d}"] = (
            line["chrgitm_lv"],
            line["preselfpay_amt"],
            line["inscp_scp_amt"],
            line["fulamt_ownpay_amt"],
        )
    assert split == {
        "2026-12-31": ("02", "2.00", "18.00", "0.00"),
        "2027-01-01": ("03", "0.00", "0.00", "20.00"),
    }
