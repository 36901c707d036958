"""A simulated Galaxy Zoo: galaxies, their pictures, and the volunteers who classify them.

From the physics to the files, one module a step:

* `population`  draws the physical parameters of a galaxy;
* `rendering`   paints its light in the bands g, r and i;
* `field`       adds what else lies in the line of sight: stars, galaxies, glare and trails;
* `observation` observes that as the Sloan Digital Sky Survey did and makes the 424×424 JPEG;
* `visibility`  works out how much of the structure can still be made out in that picture;
* `volunteers`  lets volunteers walk the decision tree and turns their votes into the 37 columns;
* `writing`     does all this for every galaxy, on all cores, and writes the competition's files.
"""

from galaxy.simulator.writing import simulate

__all__ = ["simulate"]
