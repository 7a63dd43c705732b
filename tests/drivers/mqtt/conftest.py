"""The broker and the files of a terminal, for every test here."""

from tests.fleet_broker import broker, free_port, open_password_file, password_file, wrong_password_file

__all__ = ["broker", "free_port", "open_password_file", "password_file", "wrong_password_file"]
