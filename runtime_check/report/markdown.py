"""A check as GitHub-flavoured Markdown, for the summary of a CI run."""

from __future__ import annotations

from ..result import CheckResult
from .summary import RUNTIME_COLUMNS, columns, rows, runtime_problems, runtime_rows, statements, title


def to_markdown(result: CheckResult) -> str:
    """A headline, the table of figures, the verdicts and the gates."""
    lines = [f"### {_escape(title(result))}", "", *_table(columns(result), rows(result))]
    if result.runtimes:
        lines += ["", *_table(RUNTIME_COLUMNS, runtime_rows(result)), ""]
        lines += [f"- {_escape(problem)}" for problem in runtime_problems(result)]
    lines += ["", *(f"- {_escape(statement)}" for statement in statements(result))]
    lines += [f"- {'✅' if gate.passed else '❌'} {_escape(str(gate))}" for gate in result.gates]
    return "\n".join(lines) + "\n"


def _table(head: tuple[str, ...], body: list[tuple[str, ...]]) -> list[str]:
    return [_row(head), _row(("---", *["---:"] * (len(head) - 1))), *(_row(row) for row in body)]


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape(text: str) -> str:
    """Characters that Markdown or HTML would take for markup."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return "".join(f"\\{character}" if character in "\\`*_[]|" else character for character in text)
