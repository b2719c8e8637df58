"""How counts are said to people."""


def counted(count: int, noun: str) -> str:
    """`1 problem`, `2 problems`, `1,500 problems`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"
