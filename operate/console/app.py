"""The console's screens: sessions, one session, numbers, dead letters, alarms."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from rich.text import Text
from textual import work
from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen, Screen
from textual.widgets import (
    DataTable,
    Footer,
    Header,
    Input,
    Static,
    TabbedContent,
    TabPane,
)

from operate import redrive
from operate.console.reads import HELP, Alarm, Detail, Found, Letters, Pool, Reads
from operate.failures import explain

COLORS = {
    "ALARM": "bold red",
    "INSUFFICIENT_DATA": "dim",
    "OK": "green",
    "active": "green",
    "expired": "dim",
    "ending": "yellow",
    "updating": "yellow",
    "failed": "red",
    "callback": "cyan",
    "call": "bold",
    "delivery": "magenta",
    "recording": "yellow",
}

TABS = {
    "sessions": "Sessions",
    "numbers": "Numbers",
    "letters": "Dead letters",
    "alarms": "Alarms",
}

COLUMNS = {
    "sessions": (
        *("session", "tenant", "status", "first party", "second party"),
        *("virtual number", "created"),
    ),
    "numbers": ("number", "country", "live", "cooling", "answered by"),
    "letters": ("queue", "letters", "why"),
    "alarms": ("state", "alarm", "since", "tells"),
}

Row = Sequence[object]


class Table(DataTable[Any]):
    """A table of rows that are chosen whole."""

    def __init__(self, name: str, columns: Sequence[str]) -> None:
        super().__init__(id=name, cursor_type="row", zebra_stripes=True)
        self._names = columns

    def on_mount(self) -> None:
        """Name the columns."""
        self.add_columns(*self._names)

    def fill(self, rows: Sequence[tuple[str, Row]]) -> None:
        """Show rows in place of those before, each with its key.

        What was chosen stays chosen, or a key pressed in that moment would be for
        another.
        """
        chosen = self.chosen
        self.clear()
        for key, row in rows:
            self.add_row(*(_cell(each) for each in row), key=key)
        keys = [key for key, _ in rows]
        if chosen in keys:
            self.move_cursor(row=keys.index(chosen))

    @property
    def chosen(self) -> str | None:
        """Return the key of the row that is chosen, if there is one."""
        if not self.row_count:
            return None
        return self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value


class SessionScreen(Screen[None]):
    """One session: what it is, and its timeline."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "app.pop_screen", "Back"),
        Binding("f5", "refresh", "Refresh"),
    ]

    def __init__(
        self, session_uuid: str, read: Callable[[Callable[[Detail], None]], object]
    ) -> None:
        """Show a session; *read* reads it and hands it on."""
        super().__init__()
        self.session_uuid = session_uuid
        self._read = read

    def compose(self) -> ComposeResult:
        """Lay out the attributes above the timeline."""
        yield Header(icon=" ")
        yield Static(id="attributes")
        yield Table("timeline", ("time", "kind", "what"))
        yield Footer()

    def on_mount(self) -> None:
        """Read the session."""
        self.sub_title = self.session_uuid
        self.action_refresh()

    def action_refresh(self) -> None:
        """Read the session again."""
        self._read(self._show)

    def _show(self, detail: Detail) -> None:
        shown = [f"{name:>22}  {v}" for name, v in detail.attributes.items() if v]
        self.query_one("#attributes", Static).update(Text("\n".join(shown)))
        self.query_one("#timeline", Table).fill(
            [
                (str(at), (each.at[:23], each.kind, each.what))
                for at, each in enumerate(detail.moments)
            ]
        )
        self.query_one("#timeline").focus()


class ReplayScreen(ModalScreen[bool]):
    """Ask whether the letters of a queue are to be replayed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "dismiss(True)", "Replay"),
        Binding("n,escape", "dismiss(False)", "Leave"),
    ]

    def __init__(self, queue: str) -> None:
        super().__init__()
        self.queue = queue

    def compose(self) -> ComposeResult:
        """Lay out the question."""
        yield Vertical(
            Static(f"Replay all letters of {self.queue}?"),
            Static("Mend first what parked them: what fails again is parked again."),
            Static("y  replay      n  leave"),
            id="question",
        )


class Console(App[None]):
    """The console of one deployment, which *reads* asks."""

    TITLE = "maskline"
    ENABLE_COMMAND_PALETTE = False
    CSS = """
    #attributes { height: auto; padding: 1 2; }
    #warnings { height: auto; padding: 0 2; color: $warning; }
    #find { margin: 0 1; }
    ReplayScreen { align: center middle; }
    #question { width: 64; height: auto; border: thick $accent; padding: 1 2; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        *(
            Binding(f"f{at}", f"open('{name}')", title)
            for at, (name, title) in enumerate(TABS.items(), 1)
        ),
        Binding("f5", "refresh", "Refresh"),
        Binding("r", "replay", "Replay"),
        Binding("slash", "find", "Find"),
        Binding("q", "quit", "Quit"),
    ]

    def __init__(self, reads: Reads) -> None:
        super().__init__()
        self.reads = reads

    def compose(self) -> ComposeResult:
        """Lay out a tab for each thing that is looked at."""
        yield Header(icon=" ")
        with TabbedContent(id="tabs"):
            for name, title in TABS.items():
                with TabPane(title, id=f"tab-{name}"):
                    if name == "sessions":
                        yield Input(placeholder=HELP, id="find")
                    if name == "numbers":
                        yield Static(id="warnings")
                    yield Table(name, COLUMNS[name])
        yield Footer()

    def on_mount(self) -> None:
        """Name the deployment; let a search be typed."""
        self.sub_title = self.reads.deployment.name
        self._main.query_one("#find").focus()

    # What is typed

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Find the sessions that were asked for."""
        asked = event.value
        self.read(lambda: self.reads.find(asked), self._show_found)

    def on_data_table_row_selected(self, event: DataTable.RowSelected) -> None:
        """Open the session that was chosen."""
        if event.data_table.id == "sessions":
            chosen = str(event.row_key.value)
            self.push_screen(
                SessionScreen(
                    chosen,
                    lambda show: self.read(lambda: self.reads.session(chosen), show),
                )
            )

    def on_tabbed_content_tab_activated(
        self, event: TabbedContent.TabActivated
    ) -> None:
        """Read what a tab shows when it is opened."""
        del event
        self.refresh_bindings()
        self.action_refresh()

    def action_open(self, name: str) -> None:
        """Open a tab."""
        # What has the focus would otherwise bring its own tab back.
        self._main.set_focus(None)
        self._main.query_one("#tabs", TabbedContent).active = f"tab-{name}"
        first = "#find" if name == "sessions" else f"#{name}"
        self.call_after_refresh(self._main.query_one(first).focus)

    def action_find(self) -> None:
        """Go to the search."""
        self.action_open("sessions")

    def action_refresh(self) -> None:
        """Read again what the open tab shows."""
        match self._tab:
            case "sessions":
                asked = self._main.query_one("#find", Input).value
                if asked:
                    self.read(lambda: self.reads.find(asked), self._show_found)
            case "numbers":
                self.read(self.reads.pool, self._show_pool)
            case "letters":
                self.read(self.reads.letters, self._show_letters)
            case "alarms":
                self.read(self.reads.alarms, self._show_alarms)

    def action_replay(self) -> None:
        """Ask whether the letters of the chosen queue are to be replayed."""
        queue = self._main.query_one("#letters", Table).chosen
        if self._tab != "letters" or queue is None:
            return

        def replay(wanted: bool | None) -> None:
            if wanted:
                self.read(
                    lambda: redrive.redrive(self.reads.deployment, queue),
                    lambda done: self._told(queue, done),
                )

        self.push_screen(ReplayScreen(queue), replay)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer only what the screen that is open has."""
        del parameters
        if (
            action in ("open", "refresh", "find", "replay")
            and len(self.screen_stack) > 1
        ):
            return False
        return action != "replay" or self._tab == "letters"

    # What is shown

    @property
    def _main(self) -> Screen[Any]:
        """Return the screen with the tabs, whatever is open above it."""
        return self.screen_stack[0]

    @property
    def _tab(self) -> str:
        active = self._main.query_one("#tabs", TabbedContent).active
        return active.removeprefix("tab-")

    def _show_found(self, found: list[Found]) -> None:
        table = self._main.query_one("#sessions", Table)
        table.fill(
            [
                (
                    each.session_uuid,
                    (
                        *(each.session_uuid, each.tenant_id, each.status),
                        *(each.first_party, each.second_party),
                        *(each.virtual_number, each.created_time),
                    ),
                )
                for each in found
            ]
        )
        if found and self._tab == "sessions":
            table.focus()
        elif not found:
            self.notify("No session was found.", severity="warning")

    def _show_pool(self, pool: Pool) -> None:
        self._main.query_one("#numbers", Table).fill(
            [
                (
                    each.number,
                    (
                        *(each.number, each.country, each.live, each.cooling),
                        each.answers,
                    ),
                )
                for each in pool.lines
            ]
        )
        self._main.query_one("#warnings", Static).update(
            Text("\n".join(pool.warnings[:5]))
        )

    def _show_letters(self, letters: Sequence[Letters]) -> None:
        self._main.query_one("#letters", Table).fill(
            [
                (each.queue, (each.queue, each.count, "; ".join(each.reasons)))
                for each in letters
            ]
        )

    def _show_alarms(self, alarms: Sequence[Alarm]) -> None:
        self._main.query_one("#alarms", Table).fill(
            [
                (each.name, (each.state, each.name, each.since, each.tells))
                for each in alarms
            ]
        )

    def _told(self, queue: str, done: redrive.Redriven) -> None:
        left = f", {done.left} left" if done.left else ""
        self.notify(f"{done.sent} sent back to {queue}{left}")
        self.action_refresh()

    # How it is read

    @work(thread=True)
    def read(self, ask: Callable[[], Any], show: Callable[[Any], None]) -> None:
        """Ask the deployment beside the screen; show what came, or what went wrong."""
        try:
            came = ask()
        except Exception as error:
            sentence = explain(error)
            if sentence is None:
                raise
            self.call_from_thread(self.notify, sentence, severity="error")
            return
        self.call_from_thread(show, came)


def _cell(value: object) -> Text:
    text = str(value)
    return Text(text, style=COLORS.get(text, ""))
