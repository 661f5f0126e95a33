"""How sentences for a person count things."""


def counted(count: int, thing: str, things: str | None = None) -> str:
    """A count and what was counted: "1 chapter", "2,000 chapters"; `things` where the plural is no -s."""
    return f"{count:,} {thing}" if count == 1 else f"{count:,} {things or thing + 's'}"
