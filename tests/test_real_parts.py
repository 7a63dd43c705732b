"""A missing real part is skipped loudly, and fails where real parts are required."""

import pytest

from tests.real_parts import require_real, require_real_module

ABSENT = "no-such-program-anywhere"


def test_a_program_that_is_there_is_given_with_its_full_path() -> None:
    assert require_real("sh").endswith("/sh")


def test_a_module_that_is_there_is_given() -> None:
    assert require_real_module("json").__name__ == "json"


def test_without_the_part_the_test_is_skipped_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("YIBAO_REQUIRE_REAL", raising=False)
    with pytest.raises(pytest.skip.Exception, match=f"real part missing: the program {ABSENT}"):
        require_real(ABSENT)
    with pytest.raises(pytest.skip.Exception, match="real part missing: the module no_such_module"):
        require_real_module("no_such_module")


def test_without_the_part_the_test_fails_where_real_parts_are_required(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("YIBAO_REQUIRE_REAL", "1")
    with pytest.raises(pytest.fail.Exception, match=f"real part missing: the program {ABSENT}"):
        require_real(ABSENT)


@pytest.mark.parametrize(
    ("required", "exit_code"), [("0", pytest.ExitCode.OK), ("1", pytest.ExitCode.TESTS_FAILED)]
)
def test_the_end_of_a_run_names_what_was_skipped_and_ci_fails_for_it(
    inner_pytest: pytest.Pytester,
    monkeypatch: pytest.MonkeyPatch,
    required: str,
    exit_code: pytest.ExitCode,
) -> None:
    """Also a skip that did not go through `require_real`; the last line stays pytest's own."""
    monkeypatch.setenv("YIBAO_REQUIRE_REAL", required)
    inner_pytest.makepyprojecttoml('[tool.pytest.ini_options]\nmarkers = ["blocking_allowed"]')
    inner_pytest.makeconftest("from tests.conftest import pytest_sessionfinish, pytest_terminal_summary")
    inner_pytest.makepyfile(
        """
        import pytest

        def test_left_out():
            pytest.skip("real part missing: the moon")

        def test_skipped_otherwise():
            pytest.importorskip("no_such_module")
        """
    )

    result = inner_pytest.runpytest_subprocess("-p", "xdist.plugin", "-n", "1")

    assert result.ret == exit_code
    result.stdout.fnmatch_lines_random(
        ["1 x real part missing: the moon", "1 x other reason: *no_such_module*"]
    )
    assert "2 skipped" in result.outlines[-1]
