"""Every entry can be read, and every code that a check names has one."""

import ast
import re
from collections import Counter
from pathlib import Path

import hostnfsd.doctor
from hostnfsd.doctor.catalogue import BY_CODE, CATALOGUE

PACKAGE = Path(hostnfsd.doctor.__file__).parent
_FINDERS = {"failed", "warned"}


def constants(node: ast.AST) -> set[str]:
    """The texts in an expression that look like codes."""
    values = (each.value for each in ast.walk(node) if isinstance(each, ast.Constant))
    return {v for v in values if isinstance(v, str) and re.fullmatch(r"[a-z]+(-[a-z]+)+", v)}


def named_codes() -> set[str]:
    """The codes that stand in the checks: arguments of failed and warned, and codes assigned."""
    found: set[str] = set()
    for path in PACKAGE.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                if node.func.id in _FINDERS:
                    found |= constants(node.args[0])
            elif isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "code":
                found |= constants(node.value)
    return found


def test_codes_are_unique_and_kebab_case() -> None:
    assert [code for code, count in Counter(e.code for e in CATALOGUE).items() if count > 1] == []
    assert all(re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", each.code) for each in CATALOGUE)


def test_every_code_that_a_check_names_is_in_the_catalogue() -> None:
    codes = named_codes()

    assert len(codes) > 15
    assert codes <= BY_CODE.keys()


def test_entries_say_everything() -> None:
    for each in CATALOGUE:
        assert each.symptoms, each.code
        assert each.cause.endswith((".", "?")), each.code
        assert each.title[0].islower() or each.title.startswith(("NFS", "mountd"))
        assert each.cure
        assert len(set(each.symptoms)) == len(each.symptoms), each.code


def test_placeholders_are_known() -> None:
    for each in CATALOGUE:
        for symptom in each.symptoms:
            used = set(re.findall(r"\{(\w*)\}", symptom))
            assert used <= {"host", "path", "port", "n", "any"}, symptom
