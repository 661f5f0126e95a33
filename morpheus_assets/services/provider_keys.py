"""A provider's key as it is to be used: from the environment, else the encrypted one in Postgres."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from morpheus_assets.embedding.providers.registry import PROVIDERS
from morpheus_assets.settings import Settings

if TYPE_CHECKING:
    from morpheus_assets.store.accounts.provider_keys import MasterKey


def providers_with_keys() -> list[str]:
    """The providers that want a key."""
    return [spec.name for spec in PROVIDERS.values() if spec.key_setting is not None]


def provider_key(settings: Settings, provider: str) -> str | None:
    """The key of a provider, None when there is none anywhere. Raises the store's errors, none of which holds a key."""
    spec = PROVIDERS.get(provider)
    if spec is None or spec.key_setting is None:
        return None
    own: SecretStr | None = getattr(settings, spec.key_setting)
    return own.get_secret_value() if own is not None else stored_key(settings, provider)


def stored_key(settings: Settings, name: str) -> str | None:
    """The key that is stored under a name, None when there is none or no master key. Raises the store's errors."""
    masters = master_keys(settings)
    if not masters:
        return None
    from morpheus_assets.services.connections import connected_engine
    from morpheus_assets.store.accounts.provider_keys import read_key

    with connected_engine(settings) as engine:
        return read_key(engine, name, masters)


def master_keys(settings: Settings) -> list["MasterKey"]:
    """The present master key and the one before, as far as they are set. Raises KeyUnusable."""
    from morpheus_assets.store.accounts.provider_keys import MasterKey

    given = (settings.master_key, settings.previous_master_key)
    return [MasterKey(each.get_secret_value()) for each in given if each is not None]
