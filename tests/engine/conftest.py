"""The store's fixtures, for tests of the engine on both databases."""

from tests.store.conftest import pg_template, second, sqlite_template, store, url

__all__ = ["pg_template", "second", "sqlite_template", "store", "url"]
