"""Between Dagster's contexts and the store: one IO manager for each kind of row. No SQL here.

A run may hold one novel or many; each novel is stored in a transaction of its own, and one that fails does
not take the others with it.
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Generic, TypeVar

import dagster as dg

from morpheus_assets.defs.assets.partitioned import PartitionResults, StoredPartitions
from morpheus_assets.defs.io_managers.events import NovelEvents, followed_in_run
from morpheus_assets.sources.base import ContentUnreadable
from morpheus_assets.store.database.outages import passes_by_itself, retry_while_down, sentence_for

T = TypeVar("T")
Metadata = Mapping[str, Any]


class NovelPartitionsIOManager(dg.IOManager, Generic[T]):
    """Stores what an asset computed for each novel of the run, and loads it for the assets below.

    Novels are recorded as materialized while the step works. In a run of one novel a failure fails the step with its
    sentence. In a run of many the failed novels are not recorded and the others go on down the chain: the last step,
    the embeddings as a rule, names the novels that did not get through and fails.
    """

    def store(self, novel: str, value: T) -> Metadata:
        """Write one novel's value in one transaction; return what a person wants to read about it."""
        raise NotImplementedError

    def load(self, novel: str) -> T:
        """Read one novel's value; raises `NothingStored` when there is none."""
        raise NotImplementedError

    def note_failure(self, novel: str, error: Exception) -> None:
        """Called before a failure is reported, for what the store should remember of it."""

    def handle_output(  # type: ignore[override]
        self, context: dg.OutputContext, obj: PartitionResults[T]
    ) -> Iterator[Any]:
        """Compute and store novel after novel."""
        failures: dict[str, str] = {}
        events = NovelEvents(context)
        for novel in obj.novels:
            try:
                metadata = retry_while_down(partial(self._compute_and_store, obj, novel))
            except Exception as error:
                self.note_failure(novel, error)
                if len(obj.novels) == 1 or passes_by_itself(error) or isinstance(error, ContentUnreadable):
                    # With the database or the content gone for good, no other novel would fare better.
                    raise as_failure(error) from error
                context.log.warning("%s: %s", novel, sentence(error))
                failures[novel] = sentence(error)
            else:
                events.add(novel, metadata)
            if events.due:
                yield from events.write()
        yield from events.write()
        if len(failures) == len(obj.novels) or (failures and not followed_in_run(context)):
            raise dg.Failure(description=list_failures(failures), metadata=dict(failures), allow_retries=False)

    def load_input(self, context: dg.InputContext) -> T | StoredPartitions[T]:
        """One novel's value, or a mapping that reads novels when they are asked for."""
        novels = context.asset_partition_keys
        if len(novels) == 1:
            return self._load(novels[0])
        return StoredPartitions(novels, self._load)

    def _compute_and_store(self, obj: PartitionResults[T], novel: str) -> Metadata:
        # Together: what is computed may be a stream, which a first attempt at storing it has used up.
        return self.store(novel, obj.compute(novel))

    def _load(self, novel: str) -> T:
        return retry_while_down(partial(self.load, novel))


def sentence(error: BaseException) -> str:
    """What to tell a person about an error: its message, with the class's name when it says nothing itself."""
    message = sentence_for(error) or str(error).strip()
    if isinstance(error, dg.Failure):
        message = error.description or message
    return message if len(message.split()) > 1 else f"{type(error).__name__}: {message}"


def as_failure(error: BaseException) -> dg.Failure:
    """A step failure that shows the sentence and is not retried by itself."""
    return dg.Failure(description=sentence(error), allow_retries=False)


def list_failures(failures: Mapping[str, str]) -> str:
    """One line for each novel that failed."""
    return "\n".join(f"{novel}: {reason}" for novel, reason in failures.items())
