"""From the files of the Galaxy Zoo competition to a leaderboard submission."""

import os

# Before anything imports torch: its threads then sleep while they wait for each other. By default they spin, which
# slows training to a tenth wherever another process wants a core, and gains nothing where none does.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
