"""A plan of re-embedding in words for a person, and as objects for a machine. Nothing is decided here."""

from collections.abc import Mapping
from decimal import Decimal

from morpheus_assets.reembedding_plan import Plan, SpacePlan, total_price


def describe_plan(plan: Plan) -> str:
    """The plan for a person, a paragraph a space."""
    lines = []
    for each in plan.spaces:
        lines += describe_space(each)
    if not lines:
        lines.append("Every configured space is whole: nothing to embed.")
    lines += plan.notes
    return "\n".join(lines)


def describe_space(plan: SpacePlan) -> list[str]:
    """One space's part of the plan, line by line."""
    minutes = "no limit, a local model" if plan.minutes is None else f"{plan.minutes:.1f} min"
    chosen_tokens = sum(each.tokens for each in plan.chosen)
    lines = [
        f"{plan.space.key}: {plan.reason}",
        f"  lacking   {len(plan.work)} novels, {plan.inputs:,} inputs, about {plan.tokens:,} tokens in"
        f" {plan.requests:,} requests",
        f"  price     {dollars(plan.price)}",
        f"  time      {minutes} at the rate limit",
        f"  disk      {megabytes(plan.table_bytes)} for the vectors, {megabytes(plan.index_bytes)} for their index",
        f"  tonight   {len(plan.chosen)} novels, {chosen_tokens:,} tokens, {dollars(total_price(plan.chosen))}",
    ]
    if plan.too_large:
        named = ", ".join(f"{each.novel} ({each.tokens:,} tokens)" for each in plan.too_large[:5])
        lines.append(
            f"  too large for one night's budget: {named}; raise MORPHEUS_REEMBED_MAX_TOKENS or _MAX_COST, or"
            " materialize them by hand"
        )
    elif len(plan.chosen) < len(plan.work):
        lines.append("  the rest follows in the next nights (MORPHEUS_REEMBED_MAX_TOKENS, MORPHEUS_REEMBED_MAX_COST)")
    return lines


def dollars(price: Decimal | None) -> str:
    """A price as people write it; "price not known" for None."""
    return "price not known" if price is None else f"${price:,.4f}" if price < 1 else f"${price:,.2f}"


def megabytes(size: int) -> str:
    """A size in MB or GB."""
    return f"{size / 1e9:,.2f} GB" if size >= 1e9 else f"{size / 1e6:,.1f} MB"


def as_json(plan: Plan) -> list[Mapping[str, object]]:
    """The plan for machines, one object a space."""
    return [
        {
            "space": each.space.key, "reason": each.reason, "novels": len(each.work), "inputs": each.inputs,
            "tokens": each.tokens, "requests": each.requests,
            "price_dollars": None if each.price is None else float(each.price),
            "minutes": each.minutes, "table_bytes": each.table_bytes, "index_bytes": each.index_bytes,
            "tonight": [work.novel for work in each.chosen], "too_large": [work.novel for work in each.too_large],
        }
        for each in plan.spaces
    ]  # fmt: skip
