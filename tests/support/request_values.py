"""Values for attributes of requests, right and wrong, and the patterns they meet."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.support.api_document import DOCUMENT

LONGEST = "https://app.example.com/" + "a" * (1000 - 24)

ADDRESSES = [
    *("http://a", "HTTPS://A.B", "https://app.example.com", "https://app.example.com."),
    *(
        "http://a:1",
        "http://a:9999",
        "http://a:10000",
        "http://a:54321",
        "http://a:65535",
    ),
    *("http://a:65536", "http://a:99999", "http://a:100000", "http://a:0", "http://a:"),
    *("http://a:00080", "http://a:8a", "http://a:80:80", "http://a:-1", "http://a:+1"),
    *(
        "http://[::]",
        "http://[::1]:8080/x?y#z",
        "http://[1::]",
        "http://[1:2:3:4:5:6:7::]",
    ),
    *("http://[2001:DB8::1]/", "http://[1:2:3:4:5:6:7:8]", "http://[::2:3:4:5:6:7:8]"),
    *("http://[1:2:3:4:5:6:7]", "http://[:::]", "http://[12345::]", "http://[1::2::3]"),
    *(
        "http://[::1.2.3.4]",
        "http://[fe80::1%eth0]",
        "http://[v1.x]",
        "http://[1.2.3.4]",
    ),
    *("http://[::1", "http://::1", "http://[::1]x", "http://x[::1]", "http://]%[::"),
    *(
        "http://1.2.3.4",
        "http://1.2.3.4.",
        "http://1.2.3",
        "http://1",
        "http://256.1.1.1",
    ),
    *(
        "http://01.2.3.4",
        "http://a.1",
        "http://1.a",
        "http://1e5",
        "http://a..b",
        "http://.a",
    ),
    *(
        "http://u@h",
        "http://u:p@h",
        "http://_x.y",
        "http://-a-",
        "http://h?x",
        "http://h#x",
    ),
    *("http://" + "a" * 63, "http://" + "a" * 64, "http://" + "a." * 126 + "a"),
    *(
        "http://" + "a." * 126 + "ab",
        "http://" + "a." * 126 + "a.",
        "http://" + "1" * 300,
    ),
    *(
        "http://h/a b",
        "http://h/\u00e9",
        "http://\u00e9",
        "http://h/\nx",
        "ftp://h",
        "http://",
    ),
    *("http:///x", "//h", "h", "", LONGEST, LONGEST + "a", 'http://h/|^{}`"<>'),
    *(
        "http://h/x.mp3",
        "http://h:12345/x.MP3?y",
        "http://[::1]/x.wav#y",
        "http://h/.mp3",
    ),
    *(
        "http://h.mp3",
        "http://h/x.mp3/",
        "http://h/a?b.mp3",
        "http://h/x.mp3;y",
        "http://h/x",
    ),
]

VALUES: list[Any] = [
    *(
        None,
        True,
        False,
        -1,
        0,
        1,
        4,
        5,
        7,
        8,
        10,
        11,
        15,
        16,
        30,
        50,
        51,
        90,
        100,
        1000,
    ),
    *(1001, 3600, 3601, 2147483647, 2147483648, 1.5, "1", "mp3", "wav", "ogg", "GET"),
    *(
        "POST",
        "PUT",
        "active",
        "expired",
        "all",
        "pending",
        [],
        ["x"],
        {},
        "0042",
        "123",
    ),
    *("1234", "1" * 15, "1" * 16, "12 34", "\u0661\u0662\u0663\u0664"),
    *("SA" + "X" * 18, "SA" + "x" * 18, "SA" + "X" * 17, "MA" + "X" * 18),
    *(
        "+12025550100",
        "12025550100",
        "+1 202 555 0100",
        "+0123456789",
        "+1234567890123456",
    ),
    *(
        "2026-01-31T12:00:00Z",
        "2026-01-31T12:00:00+05:30",
        "2026-01-31",
        "soon",
        "x" * 200,
    ),
    *({"order_id": "A-17"}, {"": "x"}, {"a b": "x"}, {"a": ""}, {"a": "x" * 256}),
    *({"a": "x" * 257}, {"a": 1}, {"a" * 64: "x"}, {"a" * 65: "x"}),
    *({str(n): "x" for n in range(10)}, {str(n): "x" for n in range(11)}),
    *ADDRESSES,
]


def patterns(node: Any) -> Iterator[str]:
    """Yield every regular expression of the document."""
    for name, each in node.items() if isinstance(node, dict) else enumerate(node):
        if name == "pattern" and isinstance(each, str):
            yield each
        if isinstance(each, (dict, list)):
            yield from patterns(each)


PATTERNS = sorted(set(patterns(DOCUMENT)))
