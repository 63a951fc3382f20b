"""The callbacks of one call, with those that only repeat another."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from masking.core.amounts import money
from masking.domain.callback_event import CallbackEvent
from masking.domain.plivo_events import PARTIES_HANGUP, PIN, Stage

# Attributes that say what something cost.
COST = ("Duration", "BilledDuration", "Amount")


@dataclass
class Gathered:
    """The callbacks of one call in their order; *doubles* repeat another of them."""

    events: list[CallbackEvent] = field(default_factory=list)
    doubles: set[str] = field(default_factory=set)

    @property
    def facts(self) -> list[CallbackEvent]:
        """Return its callbacks without doubles."""
        return [each for each in self.events if each.digest not in self.doubles]

    @property
    def evidence(self) -> list[CallbackEvent]:
        """Return its facts; what one does not say and its double does is added."""
        if not self.doubles:
            return self.events
        return [self._completed(each) for each in self.facts]

    def _completed(self, fact: CallbackEvent) -> CallbackEvent:
        again = [
            each.attributes
            for each in self.events
            if each.slot == fact.slot and each.digest in self.doubles
        ]
        added: dict[str, str] = {}
        for name in COST if again else ():
            told = [fact.attributes, *again]
            paid = (each[name] for each in told if money(each.get(name)))
            best = next(paid, None)
            if best is not None and best != fact.attributes.get(name):
                added[name] = best
        return replace(fact, attributes={**fact.attributes, **added}) if added else fact

    @property
    def began(self) -> datetime:
        """Return when the first of its callbacks happened."""
        return self.events[0].at

    @property
    def since(self) -> datetime:
        """Return when it began, as far back as the duration of its end reaches."""
        first = self.events[0]
        ended = first.stage >= Stage.ENDING and first.duration
        return first.at - timedelta(seconds=first.duration or 0) if ended else first.at

    @property
    def last(self) -> datetime:
        """Return when the last of its facts happened."""
        return self.facts[-1].at

    @property
    def caller(self) -> str:
        """Return the number that called; empty if no callback has it."""
        given = (each.caller for each in self.events)
        return next(filter(None, given), "")

    @property
    def recordings(self) -> set[str]:
        """Return the names of its recordings."""
        return {each.recording for each in self.events if each.recording}

    @property
    def is_over(self) -> bool:
        """Return whether all of its ends are there."""
        facts = self.facts
        ended = {each.leg for each in facts if each.is_end_of_leg}
        return len(ended) > 1 or any(each.name == PARTIES_HANGUP for each in facts)

    @property
    def has_end(self) -> bool:
        """Return whether anything tells of its end."""
        return any(each.stage >= Stage.ENDING for each in self.events)

    def same(self, event: CallbackEvent) -> CallbackEvent | None:
        """Return the fact that *event* would be a double of."""
        if event.name == PIN:
            return next((e for e in self.facts if _is_same_try(e, event)), None)
        return next((each for each in self.facts if each.slot == event.slot), None)

    def add(self, event: CallbackEvent) -> None:
        """Add a callback that comes after all others."""
        if self.same(event):
            self.doubles.add(event.digest)
        self.events.append(event)


def _is_same_try(one: CallbackEvent, other: CallbackEvent) -> bool:
    """Return whether two callbacks tell of the same PIN that was entered."""
    names = ("PinRetryCounter", "PinAuthenticationStatus")
    told = [one.attributes.get(name) for name in names]
    again = told == [other.attributes.get(name) for name in names]
    return one.name == PIN and again and (bool(told[0]) or one.at == other.at)
