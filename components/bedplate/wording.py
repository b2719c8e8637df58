"""How counts and foreign text are said to people."""


def counted(count: int, noun: str) -> str:
    """`1 problem`, `2 problems`, `1,500 problems`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def escaped(text: str) -> str:
    """The text on one line, without what a terminal would act upon."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
