"""A simulated world of a province profile: the counters' files name it, the hub speaks it, and the folder keeps it."""

import asyncio
import shutil
from pathlib import Path

import pytest

from terminal.app import load_credentials, load_profile
from terminal.config import read_config
from terminal.hub.fitting import misfit
from yibao.simulated.endpoints import SimulationRefused
from yibao.simulated.folder import SimFolder
from yibao.simulated.province import shipped_names
from yibao.simulated.running import simulated_counter

EXAMPLES = Path(__file__).parents[2] / "profiles" / "examples"


def test_every_shipped_profile_is_one_of_the_names() -> None:
    assert {"national", "input_only"} <= set(shipped_names())


@pytest.mark.parametrize("wanted", ["input_only", str(EXAMPLES / "second.toml")], ids=["shipped", "own"])
async def test_the_counters_files_fit_the_hub_that_is_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str
) -> None:
    """Profile, https where answers are bound by their content only, and what a gateway asks for: the service would start."""
    monkeypatch.setattr(
        shutil, "which", lambda name, **where: None
    )  # up sooner without card service and broker
    folder = SimFolder(tmp_path / "sim")
    async with simulated_counter(folder, seed=5, profile=wanted) as up:
        for file in (folder.counter_file, folder.clinic_file):
            files = await asyncio.to_thread(read_config, file)
            profile = await asyncio.to_thread(load_profile, files.config.hub.profile, files)
            credentials = await asyncio.to_thread(load_credentials, files)
            assert profile == up.world.profile
            institution, url = files.config.institution.code, files.config.hub.url
            assert misfit(profile, credentials, institution, url) == ""
            assert url.startswith("https:") is bool(files.config.hub.ca)


def test_a_folder_keeps_its_profile_and_refuses_another(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('name = "mine"\n[hub]\ngateway = "G5"\n')
    folder = SimFolder(tmp_path / "sim")
    folder.path.mkdir()
    first = folder.province(str(own))
    assert folder.next_start(7, "", first).profile == "profile.toml"
    assert folder.province("").profile.name == "mine"
    assert folder.province(str(own)) == first
    own.write_text('name = "mine"\n')
    for other in (str(own), "national"):
        with pytest.raises(SimulationRefused, match=r"belongs to a world of the profile profile\.toml"):
            folder.province(other)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("atlantis", "There is no profile atlantis"),
        ("none.toml", "FileNotFoundError"),
        ("bad.toml", "unknown key"),
    ],
)
def test_what_is_no_profile_is_refused_and_nothing_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wanted: str, said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text("colour = 1\n")
    folder = SimFolder(tmp_path / "sim")
    with pytest.raises(SimulationRefused, match=said):
        folder.province(wanted)
    assert not folder.path.exists()
