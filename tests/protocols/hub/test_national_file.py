"""The shipped default profile shows every key, so that a file of one's own can be written from it."""

import tomllib
from importlib import resources

from protocols.hub import profiles
from tools.profiles import switches


def test_the_national_file_names_every_key() -> None:
    tree = tomllib.loads(resources.files(profiles).joinpath("national.toml").read_text("utf-8"))
    missing = []
    for one in switches():
        node = tree
        for part in one.key.split("."):
            node = node.get(part, {}) if isinstance(node, dict) else {}
            if part == one.key.rpartition(".")[2] and node == {} and one.default not in ({}, ()):
                missing.append(one.key)
    assert missing == []
