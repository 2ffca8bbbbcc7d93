"""The demo world: a synthetic CRM with known truth; ``make_world`` it, ``write_world`` it, and read it by ``config_text``.

::

    catalogue (what there is) ─ clock (when) ─ chances (the laws of chance)
        accounts → leads → life ┬→ events → funnel → fields ┬→ arrow → world
                                └→ truth ───────────────────┘
"""

from leadline.demo.config_template import config_text
from leadline.demo.world import World, make_world, write_world

__all__ = ["World", "config_text", "make_world", "write_world"]
