"""docs/conformance.md: each rule of an RFC, where it is kept, and the tests that show it.

    make conformance        writes the page anew

`rfcNNNN.toml` lists the rules, `[rules."SECTION-NUMBER"]`; a number once given stays. Keys:

    says    the rule, in our own words, with the RFC's capitals
    code    where it is kept: "module" or "module:Class.method", or a list of such
    not     why it asks nothing of us
    open    it does, and is not done, or no test shows it yet: why
    as      the rule that says the same
    note    what else a reader should know

Tests name what they show by `@pytest.mark.rule("4975 7.1.1-3 7.1.1-4", ...)`: an RFC and rules of
it. A rule no test shows needs `not`, `open` or `as`; one with such a reason has no test.
"""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

__all__ = ["PAGE", "Rule", "Shown", "documents", "located", "marks", "page", "strays"]

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "conformance.md"
_STRENGTH = re.compile(r"\b(?:MUST|SHOULD|SHALL)(?: NOT)?\b|\b(?:MAY|RECOMMENDED|REQUIRED|OPTIONAL)\b")
_FOLDERS = {"msrp_core": "msrp_core", "msrp_sasl": "sasl", "msrp_peer": "peer"}


@dataclass(frozen=True)
class Rule:
    id: str
    says: str
    code: tuple[str, ...] = ()
    reason: str | None = None  # "not", "open" or "as"
    why: str = ""
    note: str = ""

    @property
    def section(self) -> str:
        return self.id.split()[1].rpartition("-")[0]

    @property
    def strengths(self) -> list[str]:
        return _STRENGTH.findall(self.says)


@dataclass(frozen=True)
class Document:
    number: str
    title: str
    sections: dict[str, str]
    rules: dict[str, Rule] = field(default_factory=dict)


@dataclass(frozen=True, order=True)
class Shown:
    """A test, and the rule it says it shows."""

    file: str
    test: str
    rule: str


# -- the rules


def documents() -> list[Document]:
    return [_read(path) for path in sorted(Path(__file__).parent.glob("rfc*.toml"))]


def _read(path: Path) -> Document:
    data = tomllib.loads(path.read_text())
    document = Document(path.stem.removeprefix("rfc"), data["title"], data["sections"])
    for key, entry in data["rules"].items():
        rule = _rule(f"{document.number} {key}", entry)
        if rule.section not in document.sections:
            raise ValueError(f"{path.name}: {key}: no such section")
        document.rules[rule.id] = rule
    return document


def _rule(name: str, entry: dict[str, str | list[str]]) -> Rule:
    unknown = entry.keys() - {"says", "code", "not", "open", "as", "note"}
    reasons = [key for key in ("not", "open", "as") if key in entry]
    if unknown or len(reasons) > 1:
        raise ValueError(f"{name}: {sorted(unknown) or reasons}")
    code = entry.get("code", [])
    reason = reasons[0] if reasons else None
    return Rule(
        name,
        str(entry["says"]),
        (code,) if isinstance(code, str) else tuple(code),
        reason,
        str(entry[reason]) if reason else "",
        str(entry.get("note", "")),
    )


def located(code: str) -> Path:
    """The file of a "module" or "module:Class.method". Raises where there is no such thing."""
    module, _, name = code.partition(":")
    found = importlib.import_module(module)
    if name:
        attrgetter(name)(found)
    top, *rest = module.split(".")
    place = ROOT.joinpath(_FOLDERS[top], *rest)
    candidates = [place.with_suffix(".py"), place.with_suffix(".pyx"), place / "__init__.py"]
    return next(path for path in candidates if path.exists())


# -- the tests


def marks() -> list[Shown]:
    """What the tests say they show, read off their sources."""
    return sorted(set(_found(strays=False)))


def strays() -> list[str]:
    """Markers that stand where no test is, or whose words are not written out."""
    return [f"{shown.file}: {shown.test}" for shown in _found(strays=True)]


def _found(*, strays: bool) -> Iterator[Shown]:
    """Those found as they should be; with `strays`, the others."""
    for path in sorted((ROOT / "tests").rglob("*.py")):
        text = path.read_text()
        if "mark.rule" not in text or path == Path(__file__):
            continue
        file = path.relative_to(ROOT).as_posix()
        tree = ast.parse(text)
        every = {id(call): call for call in _marks(tree)}
        for function in ast.walk(tree):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for decorator in function.decorator_list:
                for call in _marks(decorator):
                    rules = _rules(call)
                    if rules and function.name.startswith("test_") and path.name.startswith("test_"):
                        del every[id(call)]
                        if not strays:
                            yield from (Shown(file, function.name, rule) for rule in rules)
        if strays:
            yield from (Shown(file, f"line {call.lineno}", "") for call in every.values())


def _marks(tree: ast.AST) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "pytest.mark.rule":
            yield node


def _rules(call: ast.Call) -> list[str]:
    """What a marker names; empty where that is not written out."""
    words = [a.value.split() for a in call.args if isinstance(a, ast.Constant) and isinstance(a.value, str)]
    if call.keywords or len(words) != len(call.args) or not all(len(some) > 1 for some in words):
        return []
    return [f"{number} {rule}" for number, *rules in words for rule in rules]


# -- the page

_HEAD = """\
# Conformance

Each rule that asks something of an endpoint, in our own words with the RFC's capitals; where it is kept; \
and the tests that show it, which fail when it is broken. A rule no test shows says why.

`make conformance` writes this page, from the rules in `tests/conformance` and from the tests, which name \
the rules they show. A test fails where page, rules, tests and code do not fit together.
"""


def page() -> str:
    shown: dict[str, list[Shown]] = defaultdict(list)
    for test in marks():
        shown[test.rule].append(test)
    return "\n".join([_HEAD, *(_document(document, shown) for document in documents())])


def _document(document: Document, shown: dict[str, list[Shown]]) -> str:
    counts: Counter[str] = Counter()
    for rule in document.rules.values():
        counts[rule.reason or "shown"] += 1
    lines = [
        f"## RFC {document.number}: {document.title}\n",
        f"{len(document.rules)} rules: {counts['shown']} shown by tests; {counts['as']} say what another one "
        f"says; {counts['not']} ask nothing of this program; {counts['open']} are open.\n",
    ]
    for section, title in document.sections.items():
        rules = [rule for rule in document.rules.values() if rule.section == section]
        if rules:
            lines.append(f"### {section} {title}\n")
            lines += [_entry(rule, shown[rule.id]) for rule in rules]
            lines.append("")
    return "\n".join(lines)


def _entry(rule: Rule, shown: list[Shown]) -> str:
    says = _STRENGTH.sub(r"**\g<0>**", rule.says.replace("*", r"\*"))
    lines = [f"- `{rule.id.split()[1]}` {says}"]
    if rule.reason is not None:
        words = {"not": "Not here", "open": "Open", "as": "As"}[rule.reason]
        lines.append(f"  - *{words}:* " + (f"`{rule.why}`" if rule.reason == "as" else rule.why))
    if rule.code and rule.reason is None:
        lines.append("  - *Kept in* " + ", ".join(map(_place, rule.code)))
    if shown:
        lines.append("  - *Shown by* " + ", ".join(f"[{s.test}](../{s.file})" for s in shown))
    if rule.note:
        lines.append(f"  - *Note:* {rule.note}")
    return "\n".join(lines)


def _place(code: str) -> str:
    file = located(code).relative_to(ROOT).as_posix()
    name = code.partition(":")[2]
    return f"[{file}](../{file})" + (f" `{name}`" if name else "")


if __name__ == "__main__":
    PAGE.write_text(page())
