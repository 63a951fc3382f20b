"""The dashboard shows what alarms watch, and is drawn by its own definition."""

from __future__ import annotations

import itertools
import re
import xml.etree.ElementTree as ET
from typing import Any

import pytest

from proofs.alarms.deployed import Names
from proofs.alarms.evaluation import State
from proofs.alarms.history import History, Metric, key_of
from proofs.dashboard import drawing
from proofs.dashboard.definition import Line, Widget, widgets_of
from tests.unit.test_alarms import ALARMS, EMITTED, RESOURCES, ROOT, metrics_of
from tests.unit.test_template import FUNCTIONS

NAMES = Names({name: f"https://sqs/{name}" for name in RESOURCES}, {}, "one")
WIDGETS = widgets_of(NAMES)
GRAPHS = [widget for widget in WIDGETS if widget.metrics]

POOL = ("PoolNumbers", "LiveSessions", "CoolingSessions")


def history_with_a_pool() -> History:
    """Return a history in which two stacks have a pool in two countries."""
    history = History()
    for stack, country, name in itertools.product(
        ("one", "two"), ("US", "GB"), (*POOL, "Others")
    ):
        dimensions = {"service": stack, "Country": country}
        history.values[key_of("Maskline", name, dimensions)].append((60, 3))
    return history


LINES = [line for widget in GRAPHS for line in widget.lines(history_with_a_pool())]


def names_of(title: str) -> set[str]:
    """Return the labels of a graph."""
    [widget] = [each for each in GRAPHS if each.title == title]
    return {line.label for line in widget.lines(history_with_a_pool())}


def test_every_alarm_has_its_light_in_the_order_of_the_runbook() -> None:
    [lights] = [widget for widget in WIDGETS if widget.alarms]

    assert list(lights.alarms) == list(ALARMS)


def test_what_an_alarm_watches_is_drawn() -> None:
    drawn = {line.metric.key[:2] for line in LINES}
    watched = {
        (namespace, name)
        for alarm in ALARMS.values()
        for namespace, name, _ in metrics_of(alarm)
    }

    assert watched <= drawn


def test_a_metric_of_ours_that_is_drawn_is_emitted_for_this_stack_alone() -> None:
    ours = [line.metric for line in LINES if line.metric.key[0] == "Maskline"]

    assert len(ours) > 40
    for metric in ours:
        assert metric.key[1] in EMITTED
        assert dict(metric.key[2])["service"] == "one"


@pytest.mark.parametrize(
    "title",
    ["Errors of functions", "Throttles of functions", "Cost: runs of functions"],
)
def test_every_function_has_a_line_of_its_own(title: str) -> None:
    assert names_of(title) == {name.removesuffix("Function") for name in FUNCTIONS}


def test_every_queue_is_drawn() -> None:
    queues = {n for n, r in RESOURCES.items() if r["Type"] == "AWS::SQS::Queue"}

    drawn = names_of("Dead letters") | names_of("Age of what waits in queues, seconds")
    assert drawn == queues


def test_the_pool_is_searched_for_by_country() -> None:
    assert names_of("Pool of virtual numbers, by country") == {
        f"{name} {country}" for name in POOL for country in ("US", "GB")
    }


def test_another_search_is_refused() -> None:
    widget = Widget("x", 0, 0, 8, 6, metrics=(({"expression": "RATE(m1)"},),))

    with pytest.raises(ValueError, match="no search"):
        list(widget.lines(History()))


def test_widgets_lie_beside_each_other_in_the_grid() -> None:
    places = [
        (widget.x + column, widget.y + row)
        for widget in WIDGETS
        for column in range(widget.width)
        for row in range(widget.height)
    ]

    assert len(places) == len(set(places))
    assert max(x for x, _ in places) == 23


def test_a_dashboard_is_named_after_stack_and_region() -> None:
    # CloudWatch shows those of all regions in one list.
    name = RESOURCES["Dashboard"]["Properties"]["DashboardName"]["Fn::Sub"]

    assert name == "${AWS::StackName}-${AWS::Region}"


# The picture


KEY = key_of("Maskline", "Failed", {"service": "one"})


def drawn(values: list[tuple[float, float]], **changed: Any) -> ET.Element:
    """Return the picture of one graph and one light."""
    history = History()
    history.values[KEY] += values
    graph = Widget(
        **{
            "title": "Failures & such",
            **{"x": 0, "y": 5, "width": 8, "height": 6, "statistic": "Sum"},
            "metrics": (("Maskline", "Failed", "service", "one", {"label": "Bad"}),),
            "period": 60,
            **changed,
        }
    )
    lights = Widget("Alarms", 0, 0, 24, 5, alarms=("OneAlarm", "TwoAlarm"))
    states = {"OneAlarm": State.ALARM, "TwoAlarm": State.OK}
    return ET.fromstring(  # noqa: S314 - our own picture
        drawing.picture([lights, graph], history, states, 300, 5)
    )


def texts(picture: ET.Element) -> list[str]:
    """Return the texts of a picture."""
    return [each.text or "" for each in picture.iter() if each.tag.endswith("text")]


def test_a_graph_has_its_values_its_scale_and_its_legend() -> None:
    picture = drawn([(10, 2), (70, 4), (250, 1)])

    [line] = [each for each in picture.iter() if each.tag.endswith("polyline")]
    heights = [float(point.split(",")[1]) for point in line.attrib["points"].split()]
    assert len(heights) == 3
    # Down is more in SVG.
    assert heights[1] < heights[0] < heights[2]
    assert {"Failures & such", "Bad", "0", "2", "4"} <= set(texts(picture))


def test_a_single_value_is_a_dot_and_none_is_an_empty_graph() -> None:
    def dots(picture: ET.Element) -> int:
        return sum(each.tag.endswith("circle") for each in picture.iter())

    # Two are the lights.
    assert dots(drawn([(10, 2)])) == 3
    assert dots(drawn([])) == 2


def test_lights_have_the_color_of_their_state() -> None:
    colors = [
        each.attrib["fill"] for each in drawn([]).iter() if each.tag.endswith("circle")
    ]

    assert colors == [drawing.OF_STATE[State.ALARM], drawing.OF_STATE[State.OK]]


def test_a_graph_of_many_lines_names_those_that_show_most() -> None:
    many = tuple(
        ("Maskline", "Failed", "service", str(n), {"label": f"line {n}"})
        for n in range(9)
    )
    history = History()
    for number in range(9):
        key = key_of("Maskline", "Failed", {"service": str(number)})
        history.values[key].append((10, number))
    widget = Widget("Many", 0, 0, 8, 6, metrics=many, statistic="Sum", period=60)

    shown = texts(
        ET.fromstring(drawing.picture([widget], history, {}, 300, 5))  # noqa: S314
    )

    assert "line 8" in shown
    assert "line 1" not in shown
    assert "and 3 more" in shown


def test_a_graph_says_whether_it_has_data() -> None:
    history = History()
    widget = Widget("x", 0, 0, 8, 6, (("Maskline", "Failed", "service", "one"),))
    assert not drawing.has_data(widget, history, 300, 5)

    history.values[KEY].append((10, 0))
    assert drawing.has_data(widget, history, 300, 5)
    [line] = widget.lines(history)
    assert line == Line("Failed", Metric(KEY, "Average", 300))


def test_the_picture_in_the_documents_is_of_this_dashboard() -> None:
    shown = set(
        re.findall(r">([^<]+)</text>", (ROOT / "docs" / "dashboard.svg").read_text())
    )

    assert {widget.title for widget in WIDGETS} <= shown
    assert {name.removesuffix("Alarm") for name in ALARMS} <= shown
