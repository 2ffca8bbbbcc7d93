"""Tables: from a source on disk or in a database to canonical rows known at T."""

from __future__ import annotations

from leadline.tables.attributes import Attribute
from leadline.tables.load import Loaded, load
from leadline.tables.store import Store, open_store

__all__ = ["Attribute", "Loaded", "Store", "load", "open_store"]
