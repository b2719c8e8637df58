"""Programs of others that run beside us: built from their Go modules, kept in a cache, and ended when we end.

The table says what there is (`PROGRAMS`); `built` gives a program's path, and builds it if need be; `found` gives it
where it is there already; `definitions` gives upstream's definitions of the kinds that it serves. Stands below the
embedded cluster and knows nothing of what the programs are for.
"""

from bedplate.programs.building import Progress, built, cache_folder, found
from bedplate.programs.definitions import definitions
from bedplate.programs.table import PROGRAMS, Program, program

__all__ = ["PROGRAMS", "Program", "Progress", "built", "cache_folder", "definitions", "found", "program"]
