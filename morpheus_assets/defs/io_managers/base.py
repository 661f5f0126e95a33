"""Stores and loads the novels of a step for one kind of row, and tells Dagster of each. No SQL here.

A run may hold one novel or many; each novel is stored in a transaction of its own, and one that fails does
not take the others with it.
"""

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from functools import partial
from typing import Any, Generic, TypeVar

import dagster as dg

from morpheus_assets.defs.assets.partitioned import LazyPartitions
from morpheus_assets.defs.checks.left_out import with_checks_left_out
from morpheus_assets.defs.failures import as_failure, list_failures, sentence
from morpheus_assets.defs.io_managers.events import NovelEvents, followed_in_run
from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.store.database.errors import RowsChanged
from morpheus_assets.store.database.outages import passes_by_itself, retry_while_down

T = TypeVar("T")
Loaded = TypeVar("Loaded")
Metadata = Mapping[str, Any]
# When other runs change the rows, between the asset's look at them and the writing, so that it has to look again.
ATTEMPTS = 3


class NovelPartitionsIOManager(dg.IOManager, Generic[T, Loaded]):
    """Stores the values that an asset computes for the novels of a run, and loads them for the assets below.

    Novels are recorded as materialized while the step works. In a run of one novel a failure fails the step with its
    sentence. In a run of many the failed novels are not recorded and the others go on down the chain: the last step,
    the embeddings as a rule, names the novels that did not get through and fails.
    """

    def store(self, novel: str, value: T) -> Metadata:
        """Write one novel's value in one transaction; return the metadata of its materialization."""
        raise NotImplementedError

    def load(self, novel: str) -> Loaded:
        """Read one novel's value; raises UnknownNovel when there is none."""
        raise NotImplementedError

    def describe_table(self) -> Metadata:
        """Metadata of the whole table, for a person who looks at one novel's; in one round trip."""
        return {}

    def note_failure(self, novel: str, error: Exception) -> None:
        """Record a failure in the store, where that is wanted; called before it is reported."""

    def handle_output(  # type: ignore[override]
        self, context: dg.OutputContext, obj: Mapping[str, T]
    ) -> Iterator[Any]:
        """Store novel after novel, each as soon as the asset has computed it."""
        yield from with_checks_left_out(context.step_context, context.asset_key, self._store_all(context, obj))

    def _store_all(self, context: dg.OutputContext, obj: Mapping[str, T]) -> Iterator[Any]:
        failures: dict[str, str] = {}
        events = NovelEvents(context)
        for novel, storing in self._begun(obj):
            try:
                metadata = retry_while_down(storing)
            except Exception as error:
                self.note_failure(novel, error)
                if len(obj) == 1 or passes_by_itself(error) or isinstance(error, ContentUnreadable):
                    # With the database or the content gone for good, no other novel would fare better.
                    raise as_failure(error) from error
                context.log.warning("%s: %s", novel, sentence(error))
                failures[novel] = sentence(error)
            else:
                events.add(novel, metadata)
            if events.due:
                yield from events.write(retry_while_down(self.describe_table))
        if events.waiting:
            yield from events.write(retry_while_down(self.describe_table))
        if len(failures) == len(obj) or (failures and not followed_in_run(context)):
            raise dg.Failure(description=list_failures(failures), metadata=dict(failures), allow_retries=False)

    def load_input(self, context: dg.InputContext) -> Loaded | LazyPartitions[Loaded]:
        """One novel's value, or a mapping that reads novels when they are asked for."""
        novels = context.asset_partition_keys
        if len(novels) == 1:
            return self._load(novels[0])
        return LazyPartitions(novels, self._load)

    def _begun(self, values: Mapping[str, T]) -> Iterator[tuple[str, Callable[[], Metadata]]]:
        """Novel after novel, each with what stores it; it may be called again when the database was away."""
        for novel in values:
            yield novel, partial(self._store_current, values, novel)

    def _begun_ahead(
        self, values: Mapping[str, T], begin: Callable[[str, T], Callable[[], Metadata]]
    ) -> Iterator[tuple[str, Callable[[], Metadata]]]:
        """As `_begun`, where the next value is computed while what `begin` has begun to store is still on its way.

        What `begin` returns waits for that and gives the metadata; when it is called again all is done anew.
        """
        before: tuple[str, Callable[[], Metadata]] | None = None
        for novel in values:
            try:
                begun = novel, self._begin_now(values, novel, begin)
            except BaseException:
                # The step is interrupted: what it had begun to store is recorded all the same.
                if before is not None:
                    yield before
                raise
            if before is not None:
                yield before
            before = begun
        if before is not None:
            yield before

    def _begin_now(
        self, values: Mapping[str, T], novel: str, begin: Callable[[str, T], Callable[[], Metadata]]
    ) -> Callable[[], Metadata]:
        begun: list[Callable[[], Metadata]] = []
        fault: Exception | None = None
        try:
            begun.append(begin(novel, values[novel]))
        except Exception as error:
            fault = error

        def store() -> Metadata:
            nonlocal fault
            if fault is not None:
                told, fault = fault, None
                raise told
            with suppress(RowsChanged):
                if begun:
                    return begun.pop()()
            return self._store_current(values, novel)

        return store

    def _store_current(self, values: Mapping[str, T], novel: str) -> Metadata:
        # Taken anew for each attempt: a value may be a stream, which the attempt before has used up.
        for _ in range(ATTEMPTS - 1):
            with suppress(RowsChanged):
                return self.store(novel, values[novel])
        return self.store(novel, values[novel])

    def _load(self, novel: str) -> Loaded:
        return retry_while_down(partial(self.load, novel))
