"""Matchers in Alertmanager's UTF-8 syntax: what is read, what is refused and where, and what they match."""

from contextlib import suppress

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from alerts.matchers import Matcher, MatcherError, Operator, all_match, parse_matchers

FOO_BAR = Matcher("foo", "=", "bar")

# Of https://github.com/prometheus/alertmanager/blob/main/matcher/parse/parse_test.go, and more.
GOOD: dict[str, tuple[str, tuple[Matcher, ...]]] = {
    "nothing": ("", ()),
    "white space": (" \t\n", ()),
    "empty braces": ("{}", ()),
    "equal": ("foo=bar", (FOO_BAR,)),
    "in braces": ("{foo=bar}", (FOO_BAR,)),
    "a comma behind": ("foo=bar,", (FOO_BAR,)),
    "in braces, a comma behind": ("{foo=bar,}", (FOO_BAR,)),
    "unequal": ("foo!=bar", (Matcher("foo", "!=", "bar"),)),
    "like": ("foo=~[a-z]+", (Matcher("foo", "=~", "[a-z]+"),)),
    "unlike": ("{foo!~[a-z]+}", (Matcher("foo", "!~", "[a-z]+"),)),
    "quoted": ('"foo"="bar"', (FOO_BAR,)),
    "spaces around all": (' { foo = "bar" , bar != baz } ', (FOO_BAR, Matcher("bar", "!=", "baz"))),
    "spaces within quotes": ('foo="a b"', (Matcher("foo", "=", "a b"),)),
    "a name in quotes": ('"a b, {c}"=d', (Matcher("a b, {c}", "=", "d"),)),
    "several": ("foo=bar,bar!=baz", (FOO_BAR, Matcher("bar", "!=", "baz"))),
    "empty value": ('foo=""', (Matcher("foo", "=", ""),)),
    "unicode": ("ключ=🙂bar", (Matcher("ключ", "=", "🙂bar"),)),
    "unicode in quotes": ('"🙂"="🙂"', (Matcher("🙂", "=", "🙂"),)),
    "a code point": (r'foo="\U0001f642\u00fc"', (Matcher("foo", "=", "🙂ü"),)),
    "bytes": (r'foo="\xf0\x9f\x99\x82\303\274"', (Matcher("foo", "=", "🙂ü"),)),
    "escapes": (r'foo="\a\b\f\n\r\t\v\\\""', (Matcher("foo", "=", '\a\b\f\n\r\t\v\\"'),)),
    "an escaped quote": (r'foo="\"bar\"",a="b"', (Matcher("foo", "=", '"bar"'), Matcher("a", "=", "b"))),
    "reserved in quotes": ('foo="{}!=~,\'`"', (Matcher("foo", "=", "{}!=~,'`"),)),
    "a value like a name": ("severity=~critical|page", (Matcher("severity", "=~", "critical|page"),)),
    "signs in a word": ("a.b/c-d=1:2;3", (Matcher("a.b/c-d", "=", "1:2;3"),)),
}

BAD: dict[str, tuple[str, str]] = {
    "a comma": (",", "position 1: expected a label name; quote what is special, found ','"),
    "a comma in braces": ("{,}", "position 2: expected a label name; quote what is special or }, found ','"),
    "an open brace": ("{", "position 2: expected a label name; quote what is special or }"),
    "a closing brace": ("}", "position 1: expected a label name; quote what is special, found '}'"),
    "no closing brace": ("{foo=bar", "position 9: expected a comma or }"),
    "no open brace": ("foo=bar}", "position 8: expected a comma, found '}'"),
    "something behind": ("{a=b}{c=d}", "position 6: expected nothing more, found '{'"),
    "a comma behind": ("{a=b},", "position 6: expected nothing more, found ','"),
    "two commas": ("a=b,,c=d", "position 5: expected a label name, found ','"),
    "no comma": ("a=b c=d", "position 5: expected a comma, found 'c'"),
    "no operator": ("foo", "position 4: expected an operator: = != =~ or !~"),
    "no operator, more": ("foo bar", "position 5: expected an operator: = != =~ or !~, found 'bar'"),
    "no value": ("foo=", 'position 5: expected a value; quote what is special: "a b"'),
    "no name": ("=bar", "position 1: expected a label name; quote what is special, found '='"),
    "two operators": ("foo==bar", "position 5: expected a value; quote what is special: \"a b\", found '='"),
    "half an operator": ("foo!bar", "position 4: '!' must stand in double quotes, in 'foo!bar'"),
    "a tilde": ("foo~bar", "position 4: '~' must stand in double quotes, in 'foo~bar'"),
    "single quotes": ("foo='a'", 'position 5: "\'" must stand in double quotes'),
    "back quotes": ("foo=`a`", "position 5: '`' must stand in double quotes"),
    "an escape without quotes": (r"{foo=bar\n}", r"position 9: '\\' must stand in double quotes"),
    "text before quotes": ('{foo=:"bar"}', "position 7: expected a comma or }, found 'bar'"),
    "an unfinished quote": ('foo="bar', "position 5: a quote that does not end"),
    "an unfinished name": ('  "foo', "position 3: a quote that does not end"),
    "an escaped end": (r'foo="bar\"', "position 5: a quote that does not end"),
    "an unknown escape": (r'foo="bar\w"', r"position 9: bad escape '\\w'"),
    "behind unicode": (r'foo="üü\w"', r"position 8: bad escape '\\w'"),
    "a single quote escaped": (r'foo="\'"', "position 6: bad escape"),
    "too few digits": (r'foo="\u00f"', r"position 6: bad escape '\\u'"),
    "too large an octal": (r'foo="\400"', r"position 6: bad escape '\\400'"),
    "beyond unicode": (r'foo="\U00110000"', r"position 6: bad escape '\\U00110000'"),
    "half a character": (r'foo="\ud800"', r"position 6: bad escape '\\ud800'"),
    "half a character's bytes": (r'"foo"="\xf0\x9f"', "position 7: the text in quotes is not UTF-8"),
    "a surrogate": ('foo="\ud800"', "position 5: the text in quotes is not UTF-8"),
    "a line's end in quotes": ('foo="a\nb"', "position 7: a line's end within quotes"),
    "a bad expression": ('a=b,foo=~"(bar"', "foo: bad regular expression '(bar': missing )"),
    "Perl's look-ahead": ('foo=~"(?=a)"', "foo: bad regular expression '(?=a)'"),
    "a back reference": (r'foo=~"(a)\\1"', r"foo: bad regular expression '(a)\\1'"),
    "a surrogate in an expression": ("foo=~\ud800", "foo: the regular expression is not UTF-8"),
}


@pytest.mark.parametrize(("text", "expected"), GOOD.values(), ids=GOOD.keys())
def test_reads_what_alertmanager_reads(text: str, expected: tuple[Matcher, ...]) -> None:
    """Each is read as Alertmanager's UTF-8 parser reads it."""
    assert expected == parse_matchers(text)


@pytest.mark.parametrize(("text", "expected"), BAD.values(), ids=BAD.keys())
def test_rejects_with_the_position(text: str, expected: str) -> None:
    """Each is refused with the character's position from 1 and what was expected there."""
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)

    assert expected == str(caught.value)[: len(expected)]


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a=b", {"a": "b"}, True),
        ("a=b", {"a": "B"}, False),
        ("a!=b", {"a": "c"}, True),
        ("a!=b", {"a": "b"}, False),
        ('a=""', {}, True),
        ('a=""', {"a": "b"}, False),
        ('a!=""', {}, False),
        ("a!=b", {}, True),
        ('a=~"b|"', {}, True),
        ("a=~.+", {}, False),
        ("a=~.*", {}, True),
        ("a!~.+", {}, True),
        ("a=~b", {"a": "xbx"}, False),
        ("a=~b|c", {"a": "c"}, True),
        ("a=~b|c", {"a": "bx"}, False),
        ("a=~b|c", {"a": "xc"}, False),
        ("a!~b|c", {"a": "bx"}, True),
        ("a=~b", {"a": "b\n"}, False),
        ("a=~.*", {"a": "x\ny"}, False),
        ('a=~"(?s).*"', {"a": "x\ny"}, True),
        ('a=~"(?i)CRITICAL"', {"a": "cRiTiCaL"}, True),
        ('a=~"(?m)b"', {"a": "x\nb\ny"}, False),
        ("a=~[ü-🙂]+", {"a": "🙂ü"}, True),
        (r"a=~a.b", {"a": "a\x00b"}, True),
    ],
)
def test_matches(text: str, labels: dict[str, str], expected: bool) -> None:
    """A missing label is the empty string, and a regular expression is held against the whole of the value."""
    (matcher,) = parse_matchers(text)

    assert expected == matcher.matches(labels)


def test_all_must_match() -> None:
    """Several matchers are met only together, and none by everything."""
    matchers = parse_matchers("a=b,c!=d")

    assert [True, False, False] == [
        all_match(matchers, each) for each in ({"a": "b"}, {"c": "e"}, {"a": "b", "c": "d"})
    ]
    assert all_match((), {})


def test_cannot_be_held_up_by_an_expression() -> None:
    """What takes a backtracking engine for ever is answered at once: the engine is RE2."""
    assert not Matcher("a", "=~", "(x+x+)+y").matches({"a": "x" * 10_000})


@pytest.mark.parametrize(
    ("matcher", "expected"),
    [
        (FOO_BAR, 'foo="bar"'),
        (Matcher("a b", "!~", 'c"\\\n'), r'"a b"!~"c\"\\\n"'),
        (Matcher("", "=", ""), '""=""'),
    ],
    ids=["plain", "special", "empty"],
)
def test_is_written_as_it_is_read(matcher: Matcher, expected: str) -> None:
    """A name is quoted where it has to be, a value always."""
    assert expected == str(matcher)


OPERATORS: tuple[Operator, ...] = ("=", "!=", "=~", "!~")
TEXTS = st.text(st.characters(codec="utf-8"))


@settings(deadline=None)
@given(TEXTS, st.sampled_from(OPERATORS), TEXTS)
def test_every_matcher_is_read_back(name: str, operator: Operator, value: str) -> None:
    """What a matcher is written as gives the same matcher again, alone and among others."""
    try:
        matcher = Matcher(name, operator, value)
    except MatcherError:
        assume(False)

    assert (matcher,) == parse_matchers(str(matcher))
    assert (matcher, FOO_BAR, matcher) == parse_matchers(f"{{{matcher}, foo=bar,{matcher},}}")


@settings(deadline=None)
@given(st.text(st.sampled_from("{}!=~,\\\"'`ab \nxuU0üd8\ud800")))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes anything but a MatcherError."""
    with suppress(MatcherError):
        assert all(str(each) for each in parse_matchers(text))
