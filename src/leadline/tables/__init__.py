"""Tables: from a source on disk or in a database to canonical rows known at T."""

from __future__ import annotations

from leadline.storage import Store, open_store
from leadline.tables.attributes import Attribute
from leadline.tables.load import LoadedTables, load

__all__ = ["Attribute", "LoadedTables", "Store", "load", "open_store"]
