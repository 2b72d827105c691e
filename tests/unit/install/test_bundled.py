import tomllib
from pathlib import Path

from hostnfsd.install import bundled

ROOT = Path(__file__).parents[3]


def test_the_wheel_carries_the_templates_to_where_they_are_looked_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    included = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    package = Path(bundled.__file__).parent.relative_to(ROOT)
    for name in ("launchd", "systemd"):
        assert included[name] == f"{package}/templates/{name}"
        assert (ROOT / name).is_dir()


def test_every_template_is_there() -> None:
    for templates in (bundled.for_systemd(), bundled.for_launchd()):
        for name in templates.__slots__:
            assert getattr(templates, name).strip()
