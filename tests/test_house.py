"""The house: pins, floors, licences, Binder, and what git may not swallow."""

import importlib.metadata
import os
import re
import subprocess
import sys
import tomllib

import pytest
import yaml

from tools.pins import direct_pins
from tools.siteext import site_address
from tools.steps import ROOT

TEXTS = {".py", ".md", ".toml", ".yml", ".txt", ".cff", ".css", ".ipynb", ".bib", ""}
NOT_OURS = {".venv", ".git", "_build", ".ruff_cache", ".pytest_cache"}


def run(*command, cwd=ROOT, **environment):
    """Run a command; returns it finished, with what it printed."""
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, env=os.environ | environment, timeout=60
    )


def our_texts():
    """Path and text of every text file that is ours."""
    for path in ROOT.rglob("*"):
        inside = path.relative_to(ROOT)
        if path.is_file() and path.suffix in TEXTS and not NOT_OURS & set(inside.parts):
            yield inside.as_posix(), path.read_text(encoding="utf-8", errors="ignore")


def pins(path):
    """Name -> version of every requirement of a file that holds for this Python."""
    from packaging.requirements import Requirement

    lines = [line for line in path.read_text().splitlines() if line and line[0] not in "#-"]
    wanted = [Requirement(line) for line in lines]
    return {
        need.name: str(need.specifier).removeprefix("==")
        for need in wanted
        if need.marker is None or need.marker.evaluate()
    }


def test_the_code_is_clean():
    checked = run(sys.executable, "-m", "ruff", "check", "--quiet")
    assert checked.returncode == 0, checked.stdout


def test_modules_import_only_from_floors_below_and_the_judge_from_no_room():
    checked = run(os.path.join(os.path.dirname(sys.executable), "lint-imports"), "--no-cache")
    assert checked.returncode == 0, checked.stdout


def test_importing_the_library_needs_numpy_alone_and_prints_nothing():
    heavy = "{'matplotlib', 'ipywidgets', 'IPython', 'myst_nb', 'scipy', 'sklearn'}"
    found = run(
        sys.executable, "-W", "error", "-c",
        f"import sys, sevenconditions; sys.exit(', '.join({heavy} & set(sys.modules)) or None)",
    )  # fmt: skip
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")


def test_every_requirement_is_one_exact_version_from_nowhere_in_particular():
    text = (ROOT / "requirements.txt").read_text()
    assert text.count("\n-e .\n") == 1
    for line in text.splitlines():
        if line and line[0] != "#" and line != "-e .":
            assert re.fullmatch(r"[\w.-]+==[\w.]+( ; .+)?", line), line
    assert not re.search(r"https?:|--|file:|@", text)


def test_what_is_installed_is_what_is_pinned():
    direct = {pin.split("==")[0] for pin in direct_pins((ROOT / "requirements.txt").read_text())}
    for name, version in pins(ROOT / "requirements.txt").items():
        if name in direct:
            assert importlib.metadata.version(name) == version, name


def test_binder_installs_the_library_and_the_same_versions():
    binder = ROOT / "binder" / "requirements.txt"
    assert "\n-e .[notebooks]\n" in binder.read_text()
    assert pins(binder).items() <= pins(ROOT / "requirements.txt").items()


@pytest.mark.filterwarnings("ignore:pythonjsonlogger:DeprecationWarning")
def test_binder_would_build_the_python_and_the_packages_we_ask_for(monkeypatch):
    from repo2docker.buildpacks import PythonBuildPack

    monkeypatch.chdir(ROOT)
    pack = PythonBuildPack(base_image="any")
    pack.platform = "linux/amd64"
    assert pack.detect()
    assert pack.python_version == "3.11"
    recipe = pack.render({})
    assert 'binder/requirements.txt"' in recipe
    assert recipe.index("COPY --chown") < recipe.index('binder/requirements.txt"')


@pytest.mark.parametrize(
    "path", ["lib/sevenconditions/settling.py", "chapters/01_settling.ipynb", "tools/book.py"]
)
def test_git_ignores_nothing_of_ours(path):
    assert run("git", "check-ignore", "--no-index", path).returncode == 1


@pytest.mark.parametrize("path", [".venv/bin/python", "_build/html/index.html"])
def test_git_ignores_what_is_installed_or_built(path):
    assert run("git", "check-ignore", "--no-index", path).returncode == 0


def test_the_address_of_the_repository_stands_in_one_place():
    address = yaml.safe_load((ROOT / "_config.yml").read_text())["repository"]["url"]
    holders = [name for name, text in our_texts() if address in text]
    assert holders == ["_config.yml"]


def test_the_address_of_the_site_follows_from_the_repository():
    assert (
        site_address("https://github.com/Some-One/a-book/") == "https://some-one.github.io/a-book/"
    )


def test_the_licences_say_what_they_cover():
    assert (ROOT / "LICENSE").read_text().startswith("MIT License")
    text = (ROOT / "LICENSE-TEXT").read_text()
    assert "CC BY 4.0" in text and "https://creativecommons.org/licenses/by/4.0/" in text


def test_the_citation_file_holds_what_its_format_asks_for():
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    package = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert {"cff-version", "message", "title", "authors"} <= set(cited)
    assert cited["version"] == package["version"]
    assert cited["authors"] == [{"name": package["authors"][0]["name"]}]


def test_the_social_card_has_the_size_that_links_are_shown_at():
    card = (ROOT / "chapters" / "_static" / "social-card.png").read_bytes()
    width, height = (int.from_bytes(card[at : at + 4]) for at in (16, 20))
    assert (width, height) == (1200, 630)
    assert len(card) < 150_000


def test_the_first_screen_of_the_readme_has_the_picture_and_the_two_commands():
    screen = "\n".join((ROOT / "README.md").read_text().splitlines()[:30])
    picture = re.search(r"!\[[^]]{20,}\]\(([^)]+)\)", screen)
    assert picture and (ROOT / picture[1]).is_file()
    assert "make book" in screen and "make test" in screen


def test_make_names_every_command_it_has():
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(), flags=re.M))
    listed = {
        line.split()[0] for line in run("make", "--no-print-directory", "help").stdout.splitlines()
    }
    assert targets == listed
    assert {"book", "test", "lab", "serve", "notebooks", "clean"} <= listed


def test_make_says_so_when_python_is_too_old(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
    old = tmp_path / "python3.10"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo Python 3.10.9 && exit 0\nexit 1\n')
    old.chmod(0o755)
    failed = run("make", "book", f"PYTHON={old}", cwd=tmp_path)
    assert failed.returncode != 0
    assert "3.11 or newer" in failed.stdout and "Python 3.10.9" in failed.stdout
    assert not (tmp_path / ".venv").exists()


def test_make_installs_once_and_again_only_when_a_pin_changes(tmp_path):
    for name in ("Makefile", "requirements.txt", "pyproject.toml"):
        (tmp_path / name).write_text((ROOT / name).read_text())
        os.utime(tmp_path / name, (1, 1))
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / ".installed").touch()
    assert "Installing" not in run("make", "-n", "test", cwd=tmp_path).stdout
    os.utime(tmp_path / "requirements.txt")
    os.utime(tmp_path / ".venv" / ".installed", (2, 2))
    assert "Installing" in run("make", "-n", "test", cwd=tmp_path).stdout
