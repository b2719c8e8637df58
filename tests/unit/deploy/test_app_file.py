"""`bedplate.toml`: what it takes, and every mistake with its line and the change to make."""

from pathlib import Path

import pytest

from bedplate.deploy.app_file import AppFileError, checked_name, lines_of, name_in, read, spec_of
from bedplate.deploy.errors import DeployError

GOOD = '[app]\nname = "scorer"\nport = 8000\ncpu = 0.5\nmemory = "2Gi"\n'


def written(folder: Path, text: str) -> Path:
    (folder / "bedplate.toml").write_text(text)
    return folder


def mistakes(folder: Path, text: str) -> list[tuple[int, str, str]]:
    """Line, path and fix of each."""
    with pytest.raises(AppFileError) as error:
        read(written(folder, text))
    assert str(folder / "bedplate.toml") in str(error.value)
    return [(one.line, one.path, one.fix) for one in error.value.problems]


class TestAFile:
    def test_is_the_templates_spec_with_memory_in_its_unit(self, tmp_path: Path) -> None:
        found = read(written(tmp_path, GOOD + 'healthPath = "/ready"\n[app.replicas]\nmin = 1\nmax = 3\n'))
        spec = spec_of(found.workload, "ghcr.io/acme/scorer:1")
        assert (spec.name, spec.port, spec.memory_gib, spec.health_path) == ("scorer", 8000, 2, "/ready")
        assert (spec.replicas.min, spec.replicas.max, found.build) == (1, 3, {})
        assert name_in(tmp_path) == "scorer"

    def test_may_begin_as_editors_on_windows_write_it(self, tmp_path: Path) -> None:
        (tmp_path / "bedplate.toml").write_text(GOOD.replace("\n", "\r\n"), encoding="utf-8-sig", newline="")
        assert read(tmp_path).name == name_in(tmp_path) == "scorer"

    @pytest.mark.parametrize(
        ("memory", "gib"), [("512Mi", 0.5), ("2Gi", 2), ("1Ti", 1024), ("1.5Gi", 1.5), ("1000M", 0.931323)]
    )
    def test_reads_units(self, tmp_path: Path, memory: str, gib: float) -> None:
        text = GOOD.replace('"2Gi"', f'"{memory}"')
        assert read(written(tmp_path, text)).workload["memoryGib"] == gib

    @pytest.mark.parametrize(("memory", "fix"), [("2", "2Gi"), ('"4"', "4Gi"), ('"2 gigs"', "2Gi"), ("2.5", "2.5Gi")])
    def test_takes_no_bare_number_for_memory(self, tmp_path: Path, memory: str, fix: str) -> None:
        ((line, path, said),) = mistakes(tmp_path, GOOD.replace('"2Gi"', memory))
        assert (line, path) == (5, "app.memory")
        assert f'memory = "{fix}"' in said

    @pytest.mark.parametrize(
        ("text", "line", "path", "fix"),
        [
            ("", 1, "app", "[app]"),
            ("[ap]\n", 1, "ap", "move its keys"),
            ('app = "x"\n', 1, "app", "[app]"),
            (GOOD.replace("port = 8000", 'port = "8000"'), 3, "app.port", "8000 without quotes"),
            (GOOD + 'image = "x"\n', 6, "app.image", "--image"),
            (GOOD + "memoryGib = 2\n", 6, "app.memoryGib", 'memory = "2Gi"'),
            (GOOD + 'kind = "app"\n', 6, "app.kind", "remove it"),
            (GOOD + "memroy = 1\n", 6, "app.memroy", "did you mean `memory`?"),
            (GOOD + 'dockerfile = "../x"\n', 6, "app.dockerfile", "write it like"),
            (GOOD + 'dockerfile = "a"\n[build]\ndockerfile = "b"\n', 6, "app.dockerfile", "keep one"),
            (GOOD + 'args = ["a\\u0000"]\n', 6, "app.args[0]", "remove it"),
            (GOOD + '[build]\nrequirements = "/x"\n', 7, "build.requirements", "write it like"),
            (GOOD + "build = 3\n", 6, "app.build", "remove it"),
            (GOOD + '\n[app.env]\nDB_PASSWORD = "x"\n', 8, "app.env.DB_PASSWORD", "bedplate secret create"),
            (GOOD + '\n[app.secretEnv]\nTOKEN = "Not_A_Name"\n', 8, "app.secretEnv.TOKEN", "bedplate secret create"),
            (GOOD + "\n[app.replicas]\nmin = 3\nmax = 1\n", 9, "app.replicas.max", "raise max"),
            (GOOD + '[[app.mounts]]\nvolume = "a"\npath = "data"\n', 8, "app.mounts[0].path", "/data"),
            ("[app]\nname = scorer\n", 2, "", "double quotes"),
        ],
        ids=lambda value: value if isinstance(value, str) and "\n" not in value else None,
    )
    def test_says_where_a_mistake_is_and_what_to_write(
        self, tmp_path: Path, text: str, line: int, path: str, fix: str
    ) -> None:
        found = [one for one in mistakes(tmp_path, text) if one[1] == path]
        assert found, mistakes(tmp_path, text)
        assert found[0][0] == line
        assert fix in found[0][2]

    def test_shows_no_secret(self, tmp_path: Path) -> None:
        with pytest.raises(AppFileError) as error:
            read(written(tmp_path, GOOD + '[app.secretEnv]\nTOKEN = "hf_aBcDeFgHiJkLmNoPqRsT123"\n'))
        assert "hf_" not in str(error.value)

    def test_that_is_not_there_is_shown_an_example_of(self, tmp_path: Path) -> None:
        with pytest.raises(DeployError) as error:
            read(tmp_path)
        assert 'memory = "2Gi"' in error.value.fix


def test_lines_are_those_of_tables_and_keys() -> None:
    text = (
        '[app]\nname = "x"\n\n[app.route]\naccess = "api"\n[[app.mounts]]\nvolume = "a"\n[[app.mounts]]\nvolume = "b"\n'
    )
    assert lines_of(text)["app", "mounts", 1, "volume"] == 9
    assert lines_of(text)["app", "route", "access"] == 5


@pytest.mark.parametrize("name", ["", "a/b", "../x", "A", "-x", "x" * 64, "a\nb", "é"])
def test_a_name_that_none_can_be_is_no_path(name: str) -> None:
    with pytest.raises(DeployError, match="is no app's name"):
        checked_name(name)
