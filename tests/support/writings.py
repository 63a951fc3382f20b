"""Write a number as people, phones and carriers do."""

from __future__ import annotations

NON_BREAKING_HYPHEN = "\u2011"


def full_width(text: str) -> str:
    """Write digits and plus as they are typed beside Chinese and Japanese text."""
    return "".join(
        chr(ord(each) + 0xFEE0) if each in "0123456789+" else each for each in text
    )


def arabic(text: str) -> str:
    """Write digits as they are in Arabic text."""
    return "".join(
        chr(0x660 + int(each)) if each.isdecimal() else each for each in text
    )


def writings_of(number: str) -> list[str]:
    """Return common writings of a number of +1 (E.164, with `+`)."""
    area, exchange, line = number[2:5], number[5:8], number[8:]
    return [
        number,
        number.removeprefix("+"),
        f"+1 ({area}) {exchange}-{line}",
        f"+1-{area}-{exchange}-{line}",
        f"+1.{area}.{exchange}.{line}",
        f"+1{NON_BREAKING_HYPHEN}{area}{NON_BREAKING_HYPHEN}{exchange}{line}",
        f"+1\u00a0{area}\u00a0{exchange}\u00a0{line}",
        f"+1\u200b{area}{exchange}{line}",
        f"00{number.removeprefix('+')}",
        f"00 1 {area} {exchange} {line}",
        f"tel:{number}",
        f"tel:+1-{area}-{exchange}-{line}",
        f"tel:{area}-{exchange}-{line};phone-context=+1",
        f"sip:{number}@carrier.example.com",
        f"sip:{number.removeprefix('+')}@192.0.2.7:5060;transport=udp",
        f"sips:{number};user=phone@carrier.example.com",
        f'"Ada Example" <sip:{number}@carrier.example.com;user=phone>;tag=1',
        f"({area}) {exchange}-{line}",
        f"{area}.{exchange}.{line}",
        f"{area}{exchange}{line}",
        full_width(number),
        full_width(number.removeprefix("+")),
        arabic(number),
        number.replace("+", "%2B"),
        f" {number} ",
        f"[{number}]",
        f"{number} ext. 12",
        *(f"{number}{each}" for each in (";ext=12", "x12", " x 12", " #12", ",ext:12")),
    ]
