"""Go templates made by chance: whatever Alertmanager's data has, put through whatever its functions do."""

import re
from dataclasses import dataclass, field
from random import Random
from typing import Any

WORDS = ('"a"', '"firing"', '"x y"', '""', '"é<&\\"\'>"', "`raw {{ \\ `", '"critical"', '"cart-1"', '"a-b"', '"{%"')
BLANKS = (" ", "\n", "  ", "\n\n  ", "\t", "text", " a ", "{", "}", "{ %", '"', "é\n", "", "")
LABELS = ("alertname", "severity", "pod", "zone", "names", "values", "items", "Upper", "_under", "missing", "über")


@dataclass
class Writer:
    """Writes one template."""

    dice: Random
    dot: str = "data"
    root: str = "data"
    variables: list[tuple[str, str]] = field(default_factory=list)
    depth: int = 0
    in_range: bool = False

    def body(self) -> str:
        """Returns a few nodes."""
        known = len(self.variables)
        self.depth += 1
        most = 4 if self.depth == 1 else 2
        written = "".join(self.node() for _ in range(self.dice.randint(1, most)))
        self.depth -= 1
        del self.variables[known:]
        return written

    def node(self) -> str:
        """Returns text, a value, or something with a body."""
        makers = [self.text, self.shown, self.shown, self.comment, self.declared, self.assigned]
        if self.depth < 4:
            makers += [self.conditional, self.ranged, self.within, self.ranged]
        if self.in_range:
            makers.append(self.jump)
        return self.dice.choice(makers)()

    def text(self) -> str:
        """Returns text."""
        return "".join(self.dice.choice(BLANKS) for _ in range(self.dice.randint(1, 3))).replace("{{", "{ {")

    def action(self, inside: str) -> str:
        """Returns a tag, which may take away what is blank beside it."""
        left, right = self.dice.choice(("", "", "- ")), self.dice.choice(("", "", " -"))
        return f"{{{{{left or self.dice.choice(('', ' '))}{inside}{right or self.dice.choice(('', ' '))}}}}}"

    def shown(self) -> str:
        """Returns a value that is written."""
        kind = self.dice.choice(("string", "string", "string", "int", "bool", "strings"))
        text = self.text() if self.dice.random() < 0.3 else " "
        return text + self.action(self.value(kind))

    def comment(self) -> str:
        """Returns a comment."""
        return self.dice.choice(("{{/* c */}}", "{{- /* }} #} */ -}}", "{{/* a\nb */ -}}"))

    def declared(self) -> str:
        """Returns a new variable, perhaps of the name of one that there is."""
        kind = self.dice.choice(("string", "int", "strings", "kv"))
        name = self.dice.choice("xyz")
        made = self.action(f"${name} := {self.value(kind)}")
        self.variables.append((name, kind))
        return made

    def assigned(self) -> str:
        """Returns a variable that is set anew."""
        latest = {name: kind for name, kind in self.variables if kind in ("string", "int")}
        if not latest:
            return self.declared()
        name = self.dice.choice(sorted(latest))
        return self.action(f"${name} = {self.value(latest[name])}")

    def conditional(self) -> str:
        """Returns an if, with what else there may be of it."""
        condition = self.value(self.dice.choice(("string", "int", "bool", "bool", "kv", "alerts")))
        written = self.action(f"if {condition}") + self.body()
        for _ in range(self.dice.choice((0, 0, 1, 2))):
            written += self.action(f"else if {self.value('bool')}") + self.body()
        return written + self.otherwise()

    def otherwise(self) -> str:
        """Returns the end of something, with an else before it or not."""
        before = self.action("else") + self.body() if self.dice.random() < 0.4 else ""
        return before + self.action("end")

    def within(self) -> str:
        """Returns a with."""
        kind = self.dice.choice(("string", "kv", "strings"))
        value, dot = self.value(kind), self.dot
        names = len(self.variables)
        begin = ""
        if self.dice.random() < 0.3:
            begin = "$w := "
            self.variables.append(("w", kind))
        self.dot = kind
        written = self.action(f"with {begin}{value}") + self.body()
        self.dot = dot
        # In Go the variable is there in the else as well.
        written += self.otherwise()
        del self.variables[names:]
        return written

    def ranged(self) -> str:
        """Returns a range."""
        kind = self.dice.choice(("alerts", "alerts", "kv", "pairs", "strings"))
        value, dot, inside = self.value(kind), self.dot, self.in_range
        element = {"alerts": "alert", "kv": "string", "pairs": "pair", "strings": "string"}[kind]
        names = len(self.variables)
        style = self.dice.choice(("", "", "$e := ", "$i, $e := ", "$_, $e := "))
        if "$i" in style:
            self.variables.append(("i", "string" if kind == "kv" else "int"))
        if "$e" in style:
            self.variables.append(("e", element))
        self.dot, self.in_range = element, True
        written = self.action(f"range {style}{value}") + self.body()
        self.dot, self.in_range = dot, inside
        del self.variables[names:]
        return written + self.otherwise()

    def jump(self) -> str:
        """Returns the end of a step, or of all of them, on a condition."""
        word = self.dice.choice(("break", "continue"))
        return f"{self.action('if ' + self.value('bool'))}{self.action(word)}{self.action('end')}"

    def value(self, kind: str, depth: int = 0) -> str:
        """Returns an expression of a kind, without brackets around it."""
        if depth < 3 and self.dice.random() < 0.5:
            return self.made(kind, depth)
        return self.dice.choice(self.paths(kind))

    def argument(self, kind: str, depth: int) -> str:
        """Returns the same as an argument."""
        made = self.value(kind, depth + 1)
        return made if " " not in made or made in WORDS else f"({made})"

    def literal(self, kind: str) -> str:
        """Returns something that needs no data."""
        if kind == "string":
            return self.dice.choice(WORDS)
        if kind == "int":
            return self.dice.choice(("0", "1", "7", "-3", "0x1F"))
        return {"bool": "true", "strings": 'stringSlice "b" "a"', "alerts": "$.Alerts", "kv": "$.CommonLabels"}.get(
            kind, "$.CommonLabels.SortedPairs"
        )

    def paths(self, kind: str) -> list[str]:
        """Returns the names of a kind that can be said here."""
        found = []
        of_dot = "" if self.dot == "data" else "."
        sources = [("", self.dot), ("$", "data")]
        latest = dict(self.variables)
        sources += [(f"${name}", of) for name, of in latest.items()]
        for prefix, of in sources:
            if of == kind:
                found.append(prefix or of_dot or ".")
            found += [f"{prefix}.{name}" for name, to in FIELDS.get(of, {}).items() if to == kind]
            for name, to in FIELDS.get(of, {}).items():
                found += [f"{prefix}.{name}.{inner}" for inner, last in FIELDS.get(to, {}).items() if last == kind]
                if to == "kv" and kind == "string":
                    found.append(f"{prefix}.{name}.{self.dice.choice(LABELS)}")
        return [each for each in found if each != "$."] or [self.literal(kind)]

    def made(self, kind: str, depth: int) -> str:
        """Returns what a function makes of others; what needs no function where none makes that kind."""
        dice = self.dice
        if kind == "string":
            pattern = dice.choice(STRINGS)
            function = dice.choice(("toUpper", "toLower", "title", "html", "urlquery", "js", "safeHtml", "print"))
            pattern = pattern.replace("FUNCTION", function).replace("WORD", dice.choice(WORDS))
            pattern = pattern.replace("FORMAT", dice.choice(FORMATS)).replace("PATTERN", dice.choice(PATTERNS))
        elif kind in ("int", "bool"):
            pattern = dice.choice(NUMBERS if kind == "int" else TRUTHS)
            pattern = pattern.replace("PATTERN", dice.choice(PATTERNS))
            pattern = pattern.replace("ORDER", dice.choice(("eq", "ne", "lt", "le", "gt", "ge")))
            pattern = pattern.replace("<same>", dice.choice(("<string>", "<int>")))
            pattern = pattern.replace("<any>", dice.choice(("<string>", "<kv>", "<alerts>", "<strings>")))
        elif kind in ("kv", "strings"):
            pattern = "$.CommonLabels.Remove <strings>" if kind == "kv" else "stringSlice <string> <string>"
        else:
            return self.literal(kind)
        return re.sub(r"<(\w+)>", lambda match: self.argument(match[1], depth), pattern)


STRINGS = (
    "FUNCTION <string>",
    "<string> | FUNCTION",
    "<strings> | join <string>",
    "join <string> <strings>",
    "printf FORMAT <string> <int>",
    "print <string> <int> <int>",
    'reReplaceAll PATTERN "[$1]" <string>',
    "index <kv> <string>",
    "or <string> <string>",
    "and <string> <string>",
    "WORD",
)
NUMBERS = ("len <any>", "<any> | len", "7")
TRUTHS = (
    "ORDER <same> <same>",
    "eq <same> <same> <same>",
    "not <any>",
    "and <bool> <bool>",
    "or <bool> <bool> <bool>",
    "match PATTERN <string>",
)
FIELDS: dict[str, dict[str, str]] = {
    "data": {
        "Receiver": "string",
        "Status": "string",
        "Alerts": "alerts",
        "GroupLabels": "kv",
        "CommonLabels": "kv",
        "CommonAnnotations": "kv",
        "ExternalURL": "string",
    },
    "alerts": {"Firing": "alerts", "Resolved": "alerts"},
    "alert": {
        "Status": "string",
        "Labels": "kv",
        "Annotations": "kv",
        "GeneratorURL": "string",
        "Fingerprint": "string",
    },
    "kv": {"SortedPairs": "pairs", "Names": "strings", "Values": "strings"},
    "pairs": {"Names": "strings", "Values": "strings"},
    "pair": {"Name": "string", "Value": "string"},
}
FORMATS = (
    '"%s=%d"',
    '"%v %v"',
    '"%q|%5d"',
    '"%-8s|%03d"',
    '"%x %x"',
    '"%.2s%+d"',
    '"%d %s"',
    '"%s"',
    '"%s %d %t"',
    '"%10q%c"',
)
PATTERNS = ('"[a-z]+"', '"(.)"', '"^f"', '"x*"', '"(a|b)-?"', "`\\\\s`")


def go_text(dice: Random) -> str:
    """Returns a template."""
    text = Writer(dice).body()
    while "{{{" in text:
        text = text.replace("{{{", "{ {{")
    return text


def payload(dice: Random) -> dict[str, Any]:
    """Returns what a template is rendered for."""
    values = ("Down", "critical", "x y", "", "é", "<b>&'\"", "a.b", "1", "line\nline", "cart-1")

    def pairs(most: int) -> dict[str, str]:
        return {dice.choice(LABELS): dice.choice(values) for _ in range(dice.randint(0, most))}

    alerts = [
        {
            "status": dice.choice(("firing", "resolved")),
            "labels": {"alertname": "A", **pairs(4)},
            "annotations": pairs(3),
            "startsAt": "2022-03-02T07:31:57.339Z",
            "endsAt": "2022-03-02T08:00:00Z",
            "generatorURL": dice.choice(("", "http://p/graph?a=1&b=<2>")),
            "fingerprint": f"{at:016x}",
        }
        for at in range(dice.randint(1, 4))
    ]
    firing = any(each["status"] == "firing" for each in alerts)
    return {
        "receiver": "on-call",
        "status": "firing" if firing else "resolved",
        "alerts": alerts,
        "groupLabels": pairs(2),
        "commonLabels": pairs(4),
        "commonAnnotations": pairs(2),
        "externalURL": "http://am:9093",
    }
