"""The demo world: a synthetic CRM with known truth; ``make_world`` it, ``write_world`` it, and read it by ``config_text``.

::

    rates (what there is, how likely) ─ calendar (when)
        population → activity → funnel → crm_fields → tables → world (with the truth beside it)
"""

from leadline.demo.config_template import config_text
from leadline.demo.world import World, make_world, write_world

__all__ = ["World", "config_text", "make_world", "write_world"]
