"""The model: arrays in, arrays out. LightGBM is imported only here."""

import os

# It must stand before OpenMP loads: without it, three two-thread fits at once on two cores take 35 times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
