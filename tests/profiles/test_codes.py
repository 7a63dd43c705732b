"""Codes and columns of other editions: the two-diseases scheme, catalogue files, pooled prescriptions at a pharmacy."""

import pytest

from protocols.errors import ProfileError
from protocols.hub.accounts import unpack
from protocols.hub.catalogue_files import FileFacts, file_facts
from tests.profiles.rig import profile_of
from tests.profiles.switches import switch
from tests.profiles.test_rules import at
from tests.simulators.hub.counter import Counter
from tests.simulators.hub.test_catalogue_files import fetched, named

HOME = "999900"


def entitled(counter: Counter, disease: str) -> str:
    """Whether 2001 says that 测试丁, filed for hypertension in the scheme, is entitled under this code."""
    ding = counter.world.person("ding")
    data = {
        "psn_no": ding.psn_no, "insutype": "390", "fixmedins_code": counter.institution.code, "med_type": "9901",
        "begntime": counter.wire_now(), "dise_codg": disease,
    }  # fmt: skip
    flag = counter.ask("2001", {"data": data}, HOME).output["trtinfo"][0]["trt_enjymnt_flag"]
    return str(flag)


@pytest.mark.parametrize(("codes", "flags"), [("M", ("1", "0", "0")), ("HBLB", ("0", "1", "0"))])
@switch("codes.two_disease", "M", "HBLB")
def test_the_two_diseases_scheme_goes_by_the_codes_of_the_profile(
    codes: str, flags: tuple[str, str, str]
) -> None:
    counter = at(f'[codes]\ntwo_disease = "{codes}"', institution="H99990000002")
    assert tuple(entitled(counter, code) for code in ("M03900", "HBLB101", "HBLB201")) == flags
    rows = unpack(fetched(counter, named(counter, "1309"))).decode().splitlines()
    assert ("HBLB101" in {row.split("\t")[0] for row in rows}) is (codes == "HBLB")


@switch("catalogue.columns")
def test_rows_of_a_catalogue_file_are_cut_as_the_profile_says() -> None:
    text = "[catalogue.columns]\n1305 = { cells = 20, version = 16 }"
    printed, other = at("", institution="H99990000002"), at(text, institution="H99990000002")
    nineteen, twenty = (fetched(counter, named(counter, "1305")) for counter in (printed, other))
    assert [len(unpack(data).decode().splitlines()[0].split("\t")) for data in (nineteen, twenty)] == [19, 20]
    assert file_facts("1305", nineteen, profile_of("")) == FileFacts(6, "v0001")
    assert file_facts("1305", twenty, profile_of(text)) == FileFacts(6, "v0001")
    assert file_facts("1305", twenty, profile_of("")) == FileFacts(6, ""), (
        "cut otherwise than this profile says"
    )


@pytest.mark.parametrize("columns", ["{ cells = 85, version = 86 }", "{ cells = 85, version = 0 }"])
def test_a_version_outside_the_row_is_refused(columns: str) -> None:
    with pytest.raises(ProfileError) as refused:
        profile_of(f"[catalogue.columns]\n1303 = {columns}")
    assert refused.value.key == "catalogue.columns.1303"


@switch("codes.pharmacy_pooled", "2102")
def test_a_pooled_prescription_is_a_2102_and_the_other_way_is_refused_with_its_reason() -> None:
    assert profile_of('[codes]\npharmacy_pooled = "2102"').codes.pharmacy_pooled == "2102"
    with pytest.raises(ProfileError, match="med_type a pharmacy sends in it is not published") as refused:
        profile_of('[codes]\npharmacy_pooled = "chain_2203A"')
    assert refused.value.key == "codes.pharmacy_pooled"
