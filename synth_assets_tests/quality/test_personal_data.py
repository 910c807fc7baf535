from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from synth_assets.quality.personal_data import find_personal_data


def kinds(text: str) -> list[str]:
    return [find.kind for find in find_personal_data(text)]


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Write to mara.lund+x@posteo.de.", "email"),
        ("用 李明@公司.中国 联系", "email"),
        ("Call +49 30 901820-12 today.", "phone"),
        ("Call (212) 736-5000 or ask.", "phone"),
        ("1-212-736-5000", "phone"),
        ("0044 20 7946 0958", "phone"),
        ("Pay to DE89 3704 0044 0532 0130 00, please.", "iban"),
        ("AT61 1904 3002 3457 3201 THIS IS IT", "iban"),
        ("The card is 4111 1111 1111 1111.", "card"),
        ("3782-822463-10005", "card"),
        ("It runs at 93.184.216.34.", "ip_address"),
        ("ping 2606:2800:220:1:248:1893:25c8:1946", "ip_address"),
        ("key = sk-proj-abcDEF0123456789abcDEF01", "api_key"),
        ("ghp_" + "a1B2" * 9, "api_key"),
        ("AKIAIOSFODNN7EXAMPLE", "api_key"),
        ("-----BEGIN RSA PRIVATE KEY-----", "api_key"),
    ],
)
def test_each_kind_is_found(text: str, kind: str):
    assert kinds(text) == [kind]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Write to ada@example.com or to root@localhost.",
        "someone@mail.example.org, me@host.test",
        "The price @ noon; a@b; user@.com",
        "555-0123 and (212) 555-0123 are fiction, as is +1 212 555 0199.",
        "Sort 212 345 6789 and 418 975 1234.",
        "7 + 123456789 is 123456796, and 100+123456789 too.",
        "0.0012345678901",
        "DE89 3704 0044 0532 0130 01",
        "4111 1111 1111 1112",
        "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16",
        "3.14159265358979323",
        "127.0.0.1, 10.0.0.7, 192.168.1.20, 192.0.2.1, 255.255.255.255",
        "See section 3.2.1.4 and version 10.15.7.20.",
        "300.184.216.34 is no address",
        "12:30:45 and std::vector and fe80::1 and 2001:db8::1",
        "sk-learn-pipelines-and-transformers",
    ],
)
def test_what_is_nobodys_or_fails_its_check_is_not(text: str):
    assert kinds(text) == []


def test_finds_say_where_and_in_which_order():
    text = "a@posteo.de, then 4111111111111111, then b@posteo.de"
    finds = find_personal_data(text)
    assert [text[find.start : find.end] for find in finds] == [
        "a@posteo.de", "4111111111111111", "b@posteo.de",
    ]  # fmt: skip


def test_only_the_kinds_asked_for_are_looked_for():
    assert find_personal_data("a@posteo.de 4111111111111111", ("email",))[0].kind == "email"
    assert find_personal_data("a@posteo.de", ("card", "iban")) == []


@given(st.text(st.sampled_from("a1@.-+ :()DE89"), max_size=120))
def test_no_text_makes_it_fail(text: str):
    for find in find_personal_data(text):
        assert 0 <= find.start < find.end <= len(text)
