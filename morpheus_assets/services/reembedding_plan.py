"""The plan of a re-embedding: which novels lack which space, in tokens, dollars, minutes and bytes.

Reads the database and decides; what is chosen is launched in reembedding_launch.py.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial

from sqlalchemy import Engine

from morpheus_assets.domain.spaces import TITLES, Space, SpaceRow
from morpheus_assets.embedding.models import estimate_tokens, find_model, model_note
from morpheus_assets.embedding.providers.registry import is_local
from morpheus_assets.services.chunker import configured_chunker
from morpheus_assets.services.configured_spaces import (
    PURPOSES,
    batch_price_of,
    batch_terms,
    configured_text_spaces,
    inputs_per_request,
    kept_spaces,
    limits_per_minute,
    only_novels,
    price_of,
    sample_image_spaces,
    uses_batch,
    wanted_spaces,
)
from morpheus_assets.services.samples import sample_novels
from morpheus_assets.services.wording import counted
from morpheus_assets.settings import Settings
from morpheus_assets.store.accounts.reembeddings import launches_since
from morpheus_assets.store.accounts.spending import uncertain_since
from morpheus_assets.store.content.chunks import other_chunkers
from morpheus_assets.store.content.contexts import shared_context
from morpheus_assets.store.content.regions import uncut_pages
from morpheus_assets.store.spaces import index_types
from morpheus_assets.store.spaces.coverage import NovelGap, gaps
from morpheus_assets.store.spaces.spaces import list_spaces
from morpheus_assets.store.spaces.vectors import holds_vectors
from morpheus_assets.text.chunking.settings import SPELLED

# One night's budget: from one nightly launch to the next, with room for a schedule that ticks late.
A_NIGHT = timedelta(hours=20)


# Measured on drawn and real pages: itself, five panels, and tiles on one page in five.
REGIONS_A_PAGE = 9


@dataclass(frozen=True)
class NovelWork:
    """One novel that lacks vectors: inputs to send, estimated tokens, and dollars (None: price not known)."""

    novel: str
    inputs: int
    tokens: int
    price: Decimal | None


@dataclass(frozen=True)
class Budget:
    """The rest of tonight's budget; None: no limit. `whole_*` is the budget of a whole night."""

    tokens: int | None
    cost: Decimal | None
    whole_tokens: int | None
    whole_cost: Decimal | None

    def allows(self, tokens: int, price: Decimal | None) -> bool:
        """True when so much fits into what is left; an unknown price is bounded by tokens alone."""
        return _fits(tokens, self.tokens) and _fits(price, self.cost)

    def bounds(self, price: Decimal | None) -> bool:
        """True when a limit of the budget bounds work of this price: without a price only tokens do."""
        return price is not None or self.whole_tokens is not None

    def could_ever_allow(self, work: NovelWork) -> bool:
        """True when one novel fits into a whole night's budget."""
        return _fits(work.tokens, self.whole_tokens) and _fits(work.price, self.whole_cost)

    def after(self, tokens: int, price: Decimal | None) -> "Budget":
        """The budget that is left once so much is spent."""
        return Budget(
            None if self.tokens is None else max(0, self.tokens - tokens),
            None if self.cost is None else max(Decimal(0), self.cost - (price or 0)),
            self.whole_tokens,
            self.whole_cost,
        )


@dataclass(frozen=True)
class BatchOffer:
    """A space's work through its provider's batch API: inputs, dollars (None: price not known), jobs, and hours."""

    inputs: int
    tokens: int
    price: Decimal | None
    jobs: int
    hours: int


@dataclass(frozen=True)
class SpacePlan:
    """The inputs that one space lacks, novel by novel, and those of them that tonight takes.

    `work` is everything, in the order in which it is done; `chosen` is its beginning that the budget allows;
    `too_large` are novels that no night's budget allows. `minutes` is at the rate limit, None for a local model.
    `unbounded`: nothing of it is started without a person, as no limit of the budget bounds what it costs.
    `batch` is the offer of the batch API, None where there is none; `by_batch`: it is taken, and `chosen` is at its
    price.
    """

    space: Space
    reason: str
    work: tuple[NovelWork, ...]
    chosen: tuple[NovelWork, ...]
    too_large: tuple[NovelWork, ...]
    requests: int
    minutes: float | None
    table_bytes: int
    index_bytes: int
    unbounded: bool = False
    batch: BatchOffer | None = None
    by_batch: bool = False

    @property
    def inputs(self) -> int:
        """Inputs that lack a vector; what is stored already is not among them."""
        return sum(each.inputs for each in self.work)

    @property
    def tokens(self) -> int:
        """Tokens for all of `work`."""
        return sum(each.tokens for each in self.work)

    @property
    def price(self) -> Decimal | None:
        """Dollars for all of `work`."""
        return total_price(self.work)


@dataclass(frozen=True)
class Plan:
    """The plans of all spaces that lack something, the budget of the night, and notes for a person."""

    spaces: tuple[SpacePlan, ...]
    budget: Budget
    notes: tuple[str, ...] = ()


def make_plan(engine: Engine, settings: Settings, *, now: datetime | None = None, batch: bool | None = None) -> Plan:
    """Compare the settings' spaces with what is stored. Writes nothing, and asks no provider.

    `batch`: use batch APIs where there are any, or nowhere; None: as each space says. What is in a batch job that has
    not ended is not lacking. Raises ConfigurationError for a space that the settings name wrongly.
    """
    budget = left = remaining_budget(engine, settings, now=now)
    plans = []
    for purpose in PURPOSES:
        stored = {row.key: row for row in list_spaces(engine, purpose)}
        for position, space in enumerate(wanted_spaces(settings, purpose)):
            row = stored.get(space.key)
            # the leading space's step completes the one that still answers, so its gaps are part of the same work
            others = kept_spaces(engine, settings, purpose) if position == 0 else []
            work = _work(engine, settings, space, row, others)
            if not work or _only_samples(engine, settings, space, row, work):
                continue
            alone = _work(engine, settings, space, row, ()) if others and batch_terms(settings, space) else work
            by_batch = uses_batch(settings, space) if batch is None else batch
            plan, left = _plan_space(settings, space, _reason(row, others, work), work, alone, left, by_batch=by_batch)
            plans.append(plan)
    notes = [f"{each.space.key}: {note}" for each in plans if (note := model_note(each.space))]
    notes += _context_notes(engine, settings)
    return Plan(tuple(plans), budget, (*notes, *_chunker_notes(engine, settings), *_page_notes(engine)))


def remaining_budget(engine: Engine, settings: Settings, *, now: datetime | None = None) -> Budget:
    """The settings' budget for a night, less what was launched or perhaps paid in vain in the last twenty hours."""
    since = (now or datetime.now(UTC)) - A_NIGHT
    launched = launches_since(engine, since)
    uncertain_tokens, uncertain_cost = uncertain_since(engine, since)
    tokens, cost = settings.reembed_max_tokens, Decimal(str(settings.reembed_max_cost))
    whole = Budget(tokens, cost, tokens, cost)
    return whole.after(
        sum(each.tokens for each in launched) + uncertain_tokens,
        sum((each.cost or Decimal(0) for each in launched), Decimal(0)) + uncertain_cost,
    )


def choose(work: Sequence[NovelWork], budget: Budget) -> tuple[tuple[NovelWork, ...], tuple[NovelWork, ...], Budget]:
    """The beginning of `work` that fits, what no night could take, and the budget that is left."""
    chosen: list[NovelWork] = []
    too_large = tuple(each for each in work if not budget.could_ever_allow(each))
    for each in work:
        if each in too_large:
            continue
        if not budget.allows(each.tokens, each.price):
            break
        budget = budget.after(each.tokens, each.price)
        chosen.append(each)
    return tuple(chosen), too_large, budget


def whole_novels(engine: Engine, purpose: str, lacking: Sequence[str]) -> set[str]:
    """The novels with content that lack nothing."""
    return {gap.novel for gap in gaps(engine, purpose, None)} - set(lacking)


def total_price(work: Sequence[NovelWork]) -> Decimal | None:
    """Dollars of some work; None when any of it has no known price."""
    prices = [each.price for each in work]
    return None if None in prices else sum((price for price in prices if price is not None), Decimal(0))


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
        f"  lacking   {counted(len(plan.work), 'novel')}, {counted(plan.inputs, 'input')},"
        f" about {plan.tokens:,} tokens in {counted(plan.requests, 'request')}",
        f"  price     {dollars(plan.price)}",
        f"  time      {minutes} at the rate limit",
        *([_describe_offer(plan.batch, taken=plan.by_batch)] if plan.batch else []),
        f"  disk      {megabytes(plan.table_bytes)} for the vectors, {megabytes(plan.index_bytes)} for their index",
        f"  tonight   {counted(len(plan.chosen), 'novel')}, {chosen_tokens:,} tokens,"
        f" {dollars(total_price(plan.chosen))}",
    ]
    if plan.unbounded:
        lines.append(f"  {why_unbounded(plan)}")
    elif plan.too_large:
        named = ", ".join(f"{each.novel} ({each.tokens:,} tokens)" for each in plan.too_large[:5])
        lines.append(
            f"  too large for one night's budget: {named}; raise MORPHEUS_REEMBED_MAX_TOKENS or _MAX_COST, or"
            " materialize them by hand"
        )
    elif len(plan.chosen) < len(plan.work):
        lines.append("  the rest follows in the next nights (MORPHEUS_REEMBED_MAX_TOKENS, MORPHEUS_REEMBED_MAX_COST)")
    return lines


def why_unbounded(plan: SpacePlan) -> str:
    """The sentence for a plan that is not started by itself."""
    return (
        f"the price of {plan.space.provider}/{plan.space.model} is not known, so the night's budget in dollars does not"
        " bound it and nothing starts by itself: set MORPHEUS_REEMBED_MAX_TOKENS, or materialize the novels by hand."
    )


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
            **_offer_as_json(each),
            "tonight": [work.novel for work in each.chosen], "too_large": [work.novel for work in each.too_large],
        }
        for each in plan.spaces
    ]  # fmt: skip


def _describe_offer(offer: BatchOffer, *, taken: bool) -> str:
    jobs = counted(offer.jobs, "job")
    choice = "chosen" if taken else "not chosen: `batch = true` in its table, MORPHEUS_REEMBED_BATCH or --batch"
    return f"  as batch  {dollars(offer.price)} in {jobs}, within {offer.hours} hours ({choice})"


def _offer_as_json(plan: SpacePlan) -> dict[str, object]:
    offer = plan.batch
    if offer is None:
        return {"by_batch": False, "batch_price_dollars": None, "batch_jobs": None, "batch_hours": None}
    price = None if offer.price is None else float(offer.price)
    return {
        "by_batch": plan.by_batch, "batch_price_dollars": price, "batch_jobs": offer.jobs, "batch_hours": offer.hours,
    }  # fmt: skip


def _offer(settings: Settings, space: Space, work: Sequence[NovelWork]) -> BatchOffer | None:
    terms = batch_terms(settings, space)
    inputs, tokens = sum(each.inputs for each in work), sum(each.tokens for each in work)
    if terms is None or not inputs:
        return None
    jobs = math.ceil(inputs / terms.max_inputs)
    return BatchOffer(inputs, tokens, batch_price_of(settings, space, tokens), jobs, terms.hours)


def _plan_space(
    settings: Settings,
    space: Space,
    reason: str,
    work: tuple[NovelWork, ...],
    alone: tuple[NovelWork, ...],
    budget: Budget,
    *,
    by_batch: bool,
) -> tuple[SpacePlan, Budget]:
    offer = _offer(settings, space, alone)
    by_batch = by_batch and offer is not None
    sent = work
    if by_batch:
        # The space that still answers is completed by ordinary runs: searches wait for nothing.
        sent = tuple(replace(each, price=batch_price_of(settings, space, each.tokens)) for each in alone)
    unbounded = not all(budget.bounds(each.price) for each in sent)
    chosen, too_large, left = choose(() if unbounded else sent, budget)
    inputs, tokens = sum(each.inputs for each in work), sum(each.tokens for each in work)
    requests = _requests(settings, space, inputs, tokens)
    minutes = None
    if not is_local(space):
        requests_per_minute, tokens_per_minute = limits_per_minute(settings, space)
        minutes = max(requests / requests_per_minute, tokens / tokens_per_minute)
    plan = SpacePlan(
        space, reason, work, chosen, too_large, requests, minutes,
        index_types.table_bytes(space.dimensions, inputs), index_types.index_bytes(space.dimensions, inputs),
        unbounded, offer, by_batch,
    )  # fmt: skip
    return plan, left


def _work(
    engine: Engine, settings: Settings, space: Space, row: SpaceRow | None, others: Sequence[SpaceRow]
) -> tuple[NovelWork, ...]:
    done: dict[str, NovelWork] = {}
    allowed = only_novels(settings, space)
    targets: list[tuple[Space, SpaceRow | None]] = [*((other, other) for other in others), (space, row)]
    for target, stored in targets:
        for gap in gaps(engine, space.purpose, stored, of=target):
            if allowed is None or gap.novel in allowed:
                done[gap.novel] = _added(done.get(gap.novel), _novel_work(settings, target, gap))
    return tuple(done.values())


def _only_samples(
    engine: Engine, settings: Settings, space: Space, row: SpaceRow | None, work: Sequence[NovelWork]
) -> bool:
    # The samples have a model of their own: for their sake alone no other one is fetched and run.
    if only_novels(settings, space) is not None or not sample_image_spaces(settings) or space.purpose != "image":
        return False
    unused = row is None or not holds_vectors(engine, row)
    return unused and {each.novel for each in work} <= set(sample_novels())


def _novel_work(settings: Settings, space: Space, gap: NovelGap) -> NovelWork:
    tokens = estimate_tokens(
        space, inputs=gap.inputs, word_pieces=gap.word_pieces, characters=gap.characters, octets=gap.octets
    )
    return NovelWork(gap.novel, gap.inputs, tokens, price_of(settings, space, tokens))


def _added(one: NovelWork | None, other: NovelWork) -> NovelWork:
    if one is None:
        return other
    price = None if one.price is None or other.price is None else one.price + other.price
    return NovelWork(one.novel, one.inputs + other.inputs, one.tokens + other.tokens, price)


def _reason(row: SpaceRow | None, others: Sequence[SpaceRow], work: Sequence[NovelWork]) -> str:
    if row is None or row.state in ("building", "retired"):
        beside = f", beside {others[0].key} which answers until then" if others else ""
        return f"a new space{beside}"
    return f"{len(work)} novels lack vectors in a space that was whole"


def _requests(settings: Settings, space: Space, inputs: int, tokens: int) -> int:
    model = find_model(space.provider, space.model)
    by_inputs = inputs_per_request(settings, space)
    by_inputs = min(by_inputs, model.max_inputs if model else by_inputs)
    by_tokens = model.max_request_tokens if model else None
    if space.inputs == "window" and by_tokens:
        # A request holds windows, and these are bounded by their tokens alone.
        return math.ceil(tokens / by_tokens)
    return max(math.ceil(inputs / by_inputs), math.ceil(tokens / by_tokens) if by_tokens else 0)


def _chunker_notes(engine: Engine, settings: Settings) -> tuple[str, ...]:
    chunker = configured_chunker(settings, configured_text_spaces(settings))
    others = partial(other_chunkers, engine, chunker.versions(spelled=False), spelled=SPELLED)
    notes = [
        f"{counted(novels, 'novel is', 'novels are')} cut by another chunker ({other}; now {chunker.version()}):"
        f" materializing `chunks` for them cuts them anew, and about {tokens:,} tokens are then embedded"
        " again in each space."
        for other, novels, tokens in others(chunkers_of_spelled=chunker.versions(spelled=True))
    ]
    if chunker.by_script == "new":
        short = others(chunkers_of_spelled=replace(chunker, by_script="all").versions(spelled=True))
        novels, tokens = sum(count for _, count, _ in short), sum(count for _, _, count in short)
        if novels and not notes:
            notes.append(
                f"{counted(novels, 'novel')} in other scripts than Latin, cut as before into passages of a few words:"
                f" MORPHEUS_CHUNK_BY_SCRIPT=all has `chunks` cut them anew, and up to {tokens:,} tokens are then"
                " embedded again in each space."
            )
    return tuple(notes)


def _context_notes(engine: Engine, settings: Settings) -> Iterator[str]:
    for space in configured_text_spaces(settings):
        shared = shared_context(engine, space.context) if space.context else None
        if shared is None:
            continue
        much = f"{shared.passages:.1f} passages again on average, about {shared.word_pieces:,.0f} word pieces"
        if space.context == TITLES:
            yield (
                f"{space.key}: an edit of one sentence embeds one passage again, and another title of a chapter all of"
                f" its passages: {much}."
            )
        else:
            yield (
                f"{space.key}: an edit of one sentence embeds {much}: those that stand in its chapter are embedded"
                " together."
            )


def _page_notes(engine: Engine) -> tuple[str, ...]:
    uncut = uncut_pages(engine)
    if not uncut:
        return ()
    return (
        f"{sum(uncut.values()):,} pages of {len(uncut)} novels are not cut into regions yet and are counted as one"
        f" input each: a page has about {REGIONS_A_PAGE} regions. A sensor asks for `regions` of them, which costs"
        " nothing at a provider.",
    )


def _fits(amount: Decimal | int | None, limit: Decimal | int | None) -> bool:
    return amount is None or limit is None or amount <= limit
