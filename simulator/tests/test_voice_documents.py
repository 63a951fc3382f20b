"""Test the reading of Voice XML: what Plivo's SDK writes, and what is refused."""

from __future__ import annotations

import inspect
from typing import Any

import plivo.xml as sdk
import pytest

from plivo_simulator.switches import SWITCHES, Switches
from plivo_simulator.voice.attribute_rules import Rule
from plivo_simulator.voice.dial_elements import Dial, Number
from plivo_simulator.voice.documents import BadXmlError, Reading, read_document
from plivo_simulator.voice.element import Element
from plivo_simulator.voice.elements import ELEMENTS, NOT_SIMULATED
from plivo_simulator.voice.flow_elements import GetDigits, Record, Speak

URL = "https://app.example/x"
SAMPLES = (
    *("true", "1", "5", "20", "POST", URL, "mp3", "stereo", "auto", "dtmf", "sms"),
    *("rejected", "voice", "#", "12025550180", "en-US", "WOMAN", "default"),
    *("a=b", "wave", "sip:someone@phone.plivo.com"),
)
# The SDK's parameters whose values it checks itself.
SDK_VALUES: dict[str, Any] = {
    "loop": 2,
    "length": 2,
    "schedule": 2,
    "min_silence": 2,
    "input_type": "dtmf",
}
NEEDED = {
    "GetInput": {"action": URL},
    "Message": {"src": "12025550180", "dst": "12025550100"},
}
PARENTS = {"Number": "Dial", "User": "Dial"}
TEXTS = {
    **dict.fromkeys(("Play", "Redirect"), URL),
    **dict.fromkeys(("Speak", "Conference", "Message"), "hello"),
    "Number": "12025550101",
    "User": "sip:someone@phone.plivo.com",
    "DTMF": "12#",
}


def sdk_elements() -> dict[str, type]:
    """Return the SDK's elements of Voice XML, by their names."""
    classes = [each for _, each in inspect.getmembers(sdk, inspect.isclass)]
    named = {each._name: each for each in classes if hasattr(each, "_name")}
    return {name: each for name, each in named.items() if name[0].isupper()}


def read(elements: str, reading: Reading | None = None) -> tuple[Element, ...]:
    """Read a document of *elements*."""
    text = f"<Response>{elements}</Response>"
    return read_document(text, "application/xml", reading or Reading())


def written(name: str, attributes: str, children: str = "") -> str:
    """Write one element where it may stand, with the text that it needs."""
    inside = TEXTS.get(name, "") + children
    if name == "Dial":
        inside = "<Number>12025550101</Number>"
    given = attributes.partition("=")[0]
    needed = " ".join(
        f'{other}="{value}"'
        for other, value in NEEDED.get(name, {}).items()
        if other != given
    )
    text = f"<{name} {needed} {attributes}>{inside}</{name}>"
    return f"<Dial>{text}</Dial>" if name in PARENTS else text


def sample(rule: Rule) -> str:
    """Return a value that *rule* takes."""
    for value in SAMPLES:
        try:
            rule.read(value)
        except ValueError:
            continue
        return value
    raise AssertionError(f"no sample is {rule.words}")


def sdk_attributes(kind: type) -> list[str]:
    """Return the attributes that an element of the SDK can write."""
    names = []
    for parameter in inspect.signature(kind).parameters:
        if parameter in ("content", "self"):
            continue
        for value in (SDK_VALUES.get(parameter, "1"), True, URL):
            try:
                written = vars_of(kind, parameter, value)
            except Exception:  # noqa: S112 - the SDK refuses by many types
                continue
            names += [name for name in written if name not in names]
            break
    return names


def vars_of(kind: type, parameter: str, value: Any) -> dict[str, str]:
    """Return what the SDK writes for one parameter."""
    content = (
        {"content": "x"} if "content" in inspect.signature(kind).parameters else {}
    )
    attributes: dict[str, str] = kind(**content, **{parameter: value}).to_dict()
    return attributes


KNOWN = {name: each for name, each in sdk_elements().items() if name in ELEMENTS}
WRITABLE = [
    (name, attribute)
    for name, kind in KNOWN.items()
    for attribute in sdk_attributes(kind)
]


def test_every_element_of_the_sdk_is_known_or_said_not_to_be_simulated() -> None:
    assert sdk_elements().keys() == ELEMENTS.keys() | NOT_SIMULATED
    assert len(WRITABLE) > 100


@pytest.mark.parametrize(("name", "attribute"), WRITABLE)
def test_every_attribute_that_the_sdk_writes_is_read(name: str, attribute: str) -> None:
    field, known = ELEMENTS[name].attributes()[attribute]
    value = sample(known.rule)

    (element,) = read(written(name, f'{attribute}="{value}"'))

    (element,) = element.children if name in PARENTS else (element,)
    assert getattr(element, field) == known.rule.read(value)


@pytest.mark.parametrize("name", sorted(KNOWN))
def test_what_the_sdk_nests_is_refused_where_the_docs_do_not_have_it(name: str) -> None:
    ours, lenient = ELEMENTS[name], Reading(nests_as_sdks=True)
    for child in KNOWN[name]._nestable:  # type: ignore[attr-defined]
        if child not in ELEMENTS or name == "Response":
            continue
        text = written(name, "", written(child, "")) if name != "Dial" else ""
        if child in ours.CHILDREN:
            read(text)
        else:
            assert child in ours.SDK_CHILDREN
            with pytest.raises(BadXmlError, match=f"{child} can't stand in {name}"):
                read(text)
            read(text, lenient)


def test_the_sdks_own_document_is_read() -> None:
    response = sdk.ResponseElement()
    response.add(sdk.SpeakElement("Hello, caller", voice="Polly.Amy", loop=2))
    response.add(sdk.RecordElement(start_on_dial_answer=True, redirect=False))
    dial = sdk.DialElement(caller_id="12025550180", hangup_on_star=True)
    response.add(dial.add(sdk.NumberElement("+1 202-555-0101", send_digits="ww1")))

    spoken, record, dialed = read_document(response.to_string(), "text/xml")

    assert isinstance(spoken, Speak)
    assert (spoken.voice, spoken.loop, spoken.seconds) == ("Polly.Amy", 2, 0.8)
    assert isinstance(record, Record)
    assert (record.max_length, record.record_channel_type) == (60, "stereo")
    assert isinstance(dialed, Dial)
    assert (dialed.time_limit, dialed.caller_name, dialed.redirect) == (
        14400,
        None,
        True,
    )
    (number,) = dialed.children
    assert isinstance(number, Number)
    assert number.digits == "12025550101"


def test_voices_of_polly_speak_other_languages() -> None:
    (spoken,) = read("<Speak voice='Polly.Aditi' language='hi-IN'>x</Speak>")

    assert isinstance(spoken, Speak)
    assert spoken.language == "hi-IN"


def test_ssml_is_spoken_with_its_pauses() -> None:
    (spoken,) = read(
        "<Speak voice='Polly.Amy'>one <break time='500ms'/> two"
        " <break time='2s'/> <s>three</s> <break strength='strong'/> four"
        " <break time='soon' strength='none'/> five</Speak>"
    )

    assert isinstance(spoken, Speak)
    assert spoken.text == "one two three four five"
    assert spoken.seconds == 2.0 + 0.5 + 2 + 1


@pytest.mark.parametrize(
    ("elements", "problem", "ends_with"),
    [
        ("<Say>hello</Say>", "Say can't stand in Response", 8011),
        ("<Stream>wss://x.example</Stream>", "does not support Stream", 8011),
        ("<Speak><Play>x</Play></Speak>", "Play can't stand in Speak", 8011),
        ("<Dial/>", "Dial needs Number or User", 8011),
        ("<Dial><Number></Number></Dial>", "a phone number", 8011),
        ("<Dial><User>someone</User></Dial>", "a SIP address", 8011),
        (
            "<Dial callerID='1'><Number>12</Number></Dial>",
            "no attribute callerID",
            8011,
        ),
        ("<Dial timeout='0'><Number>12</Number></Dial>", "1 or more", 8011),
        ("<Dial confirmKey='12'><Number>12</Number></Dial>", "one of 0-9", 8011),
        (f"<Dial callerName='{'x' * 51}'><Number>12</Number></Dial>", "50", 8011),
        ("<Dial action='/after'><Number>12</Number></Dial>", "qualified URL", 7022),
        ("<Dial method='PUT'><Number>12</Number></Dial>", "GET or POST", 7032),
        ("<Dial callbackUrl='x'><Number>12</Number></Dial>", "qualified URL", 8011),
        ("<Redirect>/next</Redirect>", "fully qualified URL", 7024),
        (f"<Redirect method='HEAD'>{URL}</Redirect>", "GET or POST", 7034),
        ("<Play>ftp://x.example/a.mp3</Play>", "fully qualified URL", 8011),
        ("<Play loop='-1'>https://x.example/a</Play>", "whole number", 8011),
        ("<Speak voice='ROBOT'>x</Speak>", "WOMAN, MAN", 8011),
        ("<Speak language='hi-IN'>x</Speak>", "Polly voices alone", 8011),
        ("<Wait length='0'/>", "1 or more", 8011),
        ("<Wait beep='yes'/>", "true or false", 8011),
        ("<Wait>a while</Wait>", "can't have text", 8011),
        ("<Hangup reason='tired'/>", "rejected, busy", 8011),
        ("<GetInput/>", "GetInput needs action", 8011),
        (f"<GetInput action='{URL}' executionTimeout='61'/>", "5 to 60", 8011),
        (f"<GetInput action='{URL}' hints='{',' * 500}'/>", "500 phrases", 8011),
        ("<GetDigits finishOnKey='12'/>", "none, or nothing", 8011),
        ("<Record maxLength='1'/>", "2 or more", 8011),
        ("<Message src='1202555018'>x</Message>", "Message needs dst", 8011),
        ("<Conference maxMembers='21'>x</Conference>", "1 to 20", 8011),
        ("<Conference> </Conference>", "the name of a room", 8011),
        ("<PreAnswer><Dial/></PreAnswer>", "Dial can't stand in PreAnswer", 8011),
        ("<Dial dialMusic='x'><Number>12</Number></Dial>", "qualified URL", 8011),
    ],
)
def test_what_plivo_would_not_carry_out_is_refused_with_its_cause(
    elements: str, problem: str, ends_with: int
) -> None:
    with pytest.raises(BadXmlError, match=problem) as refused:
        read(elements)

    assert refused.value.ends_with("answer").code == ends_with


@pytest.mark.parametrize(
    ("text", "content_type", "problem"),
    [
        ("<Response/>", "application/json", "content type"),
        ("<Response/>", "", "missing"),
        ("<Response>" + " " * 100_000 + "</Response>", "text/xml", "larger"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><Response/>", "text/xml", "document type"),
        ("", "text/xml", "not well-formed"),
        (" <?xml version='1.0'?><Response/>", "text/xml", "not well-formed"),
        ("<Answer/>", "text/xml", "root element"),
    ],
)
def test_a_document_that_is_none_is_refused(
    text: str, content_type: str, problem: str
) -> None:
    with pytest.raises(BadXmlError, match=problem) as refused:
        read_document(text, content_type)

    assert refused.value.ends_with("redirect").code == 8014


def test_attributes_are_case_sensitive_and_have_the_documented_defaults() -> None:
    (digits,) = read("<GetDigits/>")

    assert isinstance(digits, GetDigits)
    assert (digits.timeout, digits.digit_timeout, digits.num_digits) == (5, 2, 99)
    assert (digits.finish_on_key, digits.valid_digits) == ("#", "1234567890*#")
    with pytest.raises(BadXmlError, match="no attribute numdigits"):
        read("<GetDigits numdigits='1'/>")


@pytest.mark.parametrize(
    ("switch", "value", "elements", "tags"),
    [
        ("unknown_elements", "skipped", "<Say>x</Say><Wait/>", ["Wait"]),
        ("unknown_attributes", "ignored", "<Wait seconds='3'/>", ["Wait"]),
        ("bad_values", "default", "<Wait length='0'/>", ["Wait"]),
        ("bad_values", "default", "<Speak language='en-IN'>x</Speak>", ["Speak"]),
        ("nesting", "sdk", "<GetDigits><Wait/></GetDigits>", ["GetDigits"]),
    ],
)
def test_what_nobody_knows_is_a_switch(
    switch: str, value: str, elements: str, tags: list[str]
) -> None:
    switches = Switches()

    with pytest.raises(BadXmlError):
        read(elements, Reading.by(switches))
    switches.set({switch: value})
    found = read(elements, Reading.by(switches))

    assert value == SWITCHES[switch].values[1]
    assert [type(each).__name__ for each in found] == tags
