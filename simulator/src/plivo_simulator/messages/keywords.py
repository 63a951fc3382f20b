"""Recognize the words with which a person stops, resumes, or asks for help.

They count alone, in any case, with nothing but blanks behind them. Plivo's pages
disagree on the lists: a switch chooses the long or the short one.
"""

from __future__ import annotations

OPT_OUT, OPT_IN, HELP = "optout", "optin", "help"

_STOP = {"STOP", "END", "QUIT"}
_STOP_LONG = {*_STOP, "CANCEL", "UNSUB", "UNSUBSCRIBE", "STOP ALL"}
_START = {"START", "UNSTOP"}
_START_LONG = {*_START, "YES", "RESUME", "GO"}
_HELP = {"HELP", "INFO"}

# What Plivo answers to each by itself.
REPLIES = {
    OPT_OUT: "No more messages will come from this number. Send START to resume.",
    OPT_IN: "Messages from this number will come again. Send STOP to end them.",
    HELP: "Send STOP to get no more messages from this number.",
}


def intent_of(text: str, words: str) -> str:
    """Return `optout`, `optin`, `help`, or "" for a text with another meaning.

    *words* is `long` or `short`, the value of the switch `stop_words`.
    """
    word = text.rstrip().upper()
    long = words == "long"
    if word in (_STOP_LONG if long else _STOP):
        return OPT_OUT
    if word in (_START_LONG if long else _START):
        return OPT_IN
    return HELP if word in _HELP else ""
