"""Addresses: one path and back for each shape, and the transactions nobody has a path for."""

import pytest

from protocols.hub.addresses import SERVICES, NoPath, infno_at, path_of, without_path
from protocols.hub.catalogue import MESSAGES
from protocols.hub.profile_reading import parse_profile

U1, U2, U3, U4 = (
    parse_profile(f'[hub]\nurl_shape = "{shape}"\nproxy_prefix = "/p"', "x.toml").hub
    for shape in ("U1", "U2", "U3", "U4")
)


def test_one_path_for_all() -> None:
    for shape in (U1, U4):
        assert path_of(shape, "2102") == path_of(shape, "9001") == f"/p{shape.path}"
        assert infno_at(shape, f"/p{shape.path}") == ""
        assert infno_at(shape, shape.path) is None


def test_the_number_behind_the_base() -> None:
    assert path_of(U2, "2102") == "/p/2102"
    assert infno_at(U2, "/p/2102") == "2102"
    assert infno_at(U2, "/p/") is None
    assert infno_at(U2, "/2102") is None


def test_a_service_for_each() -> None:
    for infno, service in SERVICES.items():
        assert path_of(U3, infno) == f"/p/fsi/api/{service}"
        assert infno_at(U3, f"/p/fsi/api/{service}") == infno
    assert infno_at(U3, "/p/fsi/api/nobody") is None
    assert infno_at(U3, "/fsi/api/fileupload/upload") is None


def test_no_source_shows_the_pharmacys_paths() -> None:
    nowhere = without_path(U3, MESSAGES)
    assert set(nowhere) >= {"9002", "2101", "2102", "2103", "5201"}
    assert not set(nowhere) & set(SERVICES)
    assert without_path(U2, MESSAGES) == ()
    with pytest.raises(NoPath) as missing:
        path_of(U3, "2102")
    assert missing.value.infno == "2102"


def test_a_profile_may_know_better() -> None:
    hub = parse_profile('[hub]\nurl_shape = "U3"\n[hub.paths]\n2102 = "a/b"\n2208 = "c/d"', "x.toml").hub
    assert path_of(hub, "2102") == "/fsi/api/a/b"
    assert path_of(hub, "2208") == "/fsi/api/c/d"
    assert infno_at(hub, "/fsi/api/c/d") == "2208"
    assert infno_at(hub, "/fsi/api/outpatientSettleService/cancleSettletment") is None
    assert without_path(hub, ("2102", "2103")) == ("2103",)
