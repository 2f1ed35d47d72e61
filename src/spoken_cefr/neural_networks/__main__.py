"""The stage without its notebook, so that ``torchrun`` can start it in several processes.

torchrun --nproc_per_node=4 -m spoken_cefr.neural_networks --profile fr
"""

import argparse
import sys
from collections.abc import Sequence

from spoken_cefr.config import load_config
from spoken_cefr.errors import InputError
from spoken_cefr.neural_networks import distributed, stage
from spoken_cefr.stages import matches


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the stage; return the exit status (0 done, 1 bad input)."""
    parser = argparse.ArgumentParser(
        prog="torchrun ... -m spoken_cefr.neural_networks", description=__doc__.partition("\n")[0]
    )
    parser.add_argument("--profile", help="a file of configs/ without .toml (default: demo)")
    parser.add_argument(
        "--set", action="append", default=[], dest="overrides", metavar="STAGE.KEY=VALUE"
    )
    args = parser.parse_args(arguments)
    try:
        config = load_config(args.profile, args.overrides)
        if not matches(config, "processing"):
            raise InputError(
                "processing is not up to date with this profile: run "
                "`spoken-cefr run scraping processing` first, with the same options"
            )
        with distributed.process_group():
            report = stage.run(config)
            if distributed.rank() == 0:
                print(report.summary())
    except InputError as error:
        print(f"spoken_cefr.neural_networks: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    distributed.leave(main())
