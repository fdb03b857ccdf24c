"""A check as GitHub-flavoured Markdown, for the summary of a CI run."""

from __future__ import annotations

from ..result import CheckResult
from .summary import columns, rows, statements, title


def to_markdown(result: CheckResult) -> str:
    """A headline, the table of figures, the verdicts and the gates."""
    head = columns(result)
    lines = [f"### {_escape(title(result))}", "", _row(head), _row(("---", *["---:"] * (len(head) - 1)))]
    lines += [_row((*row, *[""] * (len(head) - len(row)))) for row in rows(result)]
    lines += ["", *(f"- {_escape(statement)}" for statement in statements(result))]
    lines += [f"- {'✅' if gate.passed else '❌'} {_escape(str(gate))}" for gate in result.gates]
    return "\n".join(lines) + "\n"


def _row(cells: tuple[str, ...]) -> str:
    return f"| {' | '.join(_escape(cell) for cell in cells)} |"


def _escape(text: str) -> str:
    """Characters that Markdown or HTML would take for markup."""
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace("\n", " ")
    return "".join(f"\\{character}" if character in "\\`*_[]|" else character for character in text)
