"""A simulated Galaxy Zoo: galaxies, their pictures, and the volunteers who classify them.

From the physics to the files, one module per step:

* `population`  draws the physical parameters of a galaxy;
* `rendering`   paints its light in the bands g, r and i;
* `field`       adds what else lies in the line of sight: stars, galaxies, glare and trails;
* `observation` observes that as the Sloan Digital Sky Survey did and makes the 424×424 JPEG;
* `visibility`  estimates how much of the structure is still visible in that picture;
* `answers`     gives the chance of each answer, for what is visible;
* `volunteers`  lets volunteers answer the decision tree and turns their votes into the 37 vote fractions;
* `writing`     does all this for every galaxy, on all cores, and writes the competition's files.
"""

from galaxy.simulator.writing import simulate

__all__ = ["simulate"]
