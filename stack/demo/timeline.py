"""Show the demo to a person, as a timeline that grows while it plays."""

from __future__ import annotations

from rich.console import Console
from rich.status import Status
from rich.table import Table
from rich.text import Text

from stack.demo.step import Step


class Timeline:
    """Prints each step below a line of time; shows what is waited for meanwhile."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._waiting: Status | None = None
        console.print(f"\n[bold]{title}[/bold]\n")

    def wait(self, what: str) -> None:
        """Say what the demo waits for, until the next step."""
        self._end_wait()
        if self._console.is_terminal:
            self._waiting = self._console.status(f"[dim]{what}[/dim]")
            self._waiting.start()

    def show(self, step: Step) -> None:
        """Print *step*, and what was not as expected."""
        self._end_wait()
        mark, color = ("●", "green") if step.holds else ("✗", "red")
        head = Text.assemble(
            (f"{step.at:6.1f} s  ", "dim"),
            (f"{mark} ", f"bold {color}"),
            (step.title, "bold"),
        )
        self._console.print(head)
        lines = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
        lines.add_column(style="cyan", no_wrap=True)
        lines.add_column(overflow="fold")
        for name, value in step.lines:
            lines.add_row(Text(f"          │ {name}"), Text(value))
        for check in step.checks:
            if not check.holds:
                difference = f"expected {check.expected!r}, but it is {check.actual!r}"
                row = Text(f"          │ {check.what}", "bold red")
                lines.add_row(row, Text(difference, "bold red"))
        self._console.print(lines)
        self._console.print()

    def end(self, failure: str | None, checks: int) -> None:
        """Print the last line: all is well, or what was not."""
        self._end_wait()
        if failure:
            self._console.print(f"[bold red]Not as expected.[/bold red] {failure}\n")
        else:
            self._console.print(
                f"[bold green]All as expected[/bold green]: {checks} checks.\n"
            )

    def _end_wait(self) -> None:
        if self._waiting:
            self._waiting.stop()
            self._waiting = None
