"""The values of the journal never change once they are made."""

import importlib
import inspect
import pkgutil

import msgspec
import pytest

import terminal.journal

NAMES = sorted(module.name for module in pkgutil.iter_modules(terminal.journal.__path__))


@pytest.mark.parametrize("name", NAMES)
def test_every_value_is_frozen(name: str) -> None:
    module = importlib.import_module(f"terminal.journal.{name}")
    own = [
        value
        for _, value in inspect.getmembers(module, inspect.isclass)
        if value.__module__ == module.__name__
    ]
    values = [value for value in own if issubclass(value, msgspec.Struct)]
    assert [value.__name__ for value in values if not value.__struct_config__.frozen] == []
