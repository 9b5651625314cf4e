"""The command line. Each command opens a `workbench.Library` and prints what it answers.

Exit codes: 0 done; 1 every file failed, or a check found problems; 2 the request is wrong; 3 the
library cannot be used; 4 the disk is full; 5 the job cannot go on; 130 interrupted.
"""

import io
import sys

# each adds its commands, in the order in which a newcomer meets them
# isort: off
import workbench.cli.analyzing
import workbench.cli.searching
import workbench.cli.playing
import workbench.cli.wording
import workbench.cli.keeping
import workbench.cli.serving  # noqa: F401
# isort: on

from workbench.cli.app import app


def main() -> None:
    """Run the command line: the entry point ``workbench``."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a dash that the terminal lacks is no reason to fail
    app()


__all__ = ["app", "main"]
