"""`zoo pattern`: the pattern of classic networks."""

import contextlib
import json
import shutil
import sys

from zoo_cli.output import emit, format_for, write
from zoo_cli.parameters import Format, How, Output, Target, takes_a_model


@takes_a_model()
def pattern(target: Target, how: How, format: Format = None, output: Output = None) -> None:
    """Read a model as INPUT - [[CONV - RELU]*N - POOL?]*M - [FC - RELU]*K - SOFTMAX, and check the rules for sizes."""
    wanted = format_for(format, output)
    from zoo.questions.pattern import pattern as read
    from zoo.tables import formats

    formats.load(wanted)
    with contextlib.redirect_stdout(sys.stderr):
        found = read(target, **how)
    if wanted == "text":
        write(found.text(shutil.get_terminal_size((80, 24)).columns), output)
    elif wanted == "json":
        write(json.dumps(found.to_dict(), indent=2, ensure_ascii=False) + "\n", output)
    else:
        emit(found.table, wanted, output)
