"""The page as its tags: a list of (tag, attributes, depth-first place), the text, and what stands inside what."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"meta", "link", "input", "img", "br", "hr"}


@dataclass
class Tag:
    name: str
    attributes: dict[str, str | None]
    parents: tuple[str, ...]
    text: str = ""
    children: list[Tag] = field(default_factory=list)

    def all(self, *names: str) -> list[Tag]:
        found = [self] if self.name in names else []
        return found + [t for child in self.children for t in child.all(*names)]

    def words(self) -> str:
        return self.text + "".join(child.words() for child in self.children)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Tag("root", {}, ())
        self.stack = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        made = Tag(tag, dict(attrs), tuple(t.name for t in self.stack))
        self.stack[-1].children.append(made)
        if tag not in VOID:
            self.stack.append(made)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack[-1].name == tag, f"</{tag}> closes <{self.stack[-1].name}>"
        self.stack.pop()

    def handle_data(self, data: str) -> None:
        self.stack[-1].text += data


def parsed(page: str) -> Tag:
    parser = _Parser()
    parser.feed(page)
    parser.close()
    assert parser.stack == [parser.root], "a tag isn't closed"
    return parser.root
