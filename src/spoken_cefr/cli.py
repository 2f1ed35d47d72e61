"""The command line: parse, then one call."""

import argparse
import importlib
import io
import logging
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from spoken_cefr import __version__
from spoken_cefr.config import PROFILE_VARIABLE, Config, load_config, prediction_profile
from spoken_cefr.errors import InputError
from spoken_cefr.stages import (
    STAGES,
    changed_outputs,
    executed_path,
    is_done,
    matches,
    previous_stage,
    read_report,
    stage_folder,
)
from spoken_cefr.store import holding, why_not_written
from spoken_cefr.temporary import own_temporary_folder

GUIDE = """\
first steps:
  spoken-cefr doctor                 is everything here? what to do if not
  spoken-cefr predict FILE           the level of a recording
  spoken-cefr app                    the same on a page in your browser
the pipeline:
  spoken-cefr run                    all four stages on the embedded demo
  spoken-cefr run --profile fr       the same on the real site, or your own corpus
  spoken-cefr import DIR CSV         your own recordings with their levels, as a profile's corpus
  spoken-cefr paper                  paper.pdf and the model card of what was run

`spoken-cefr COMMAND --help` says more about each command.
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status (0 done, 1 bad input)."""
    args = _parser().parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character gets "?"
    try:
        with own_temporary_folder():
            status = args.call(args)
        sys.stdout.flush()
        return status
    except InputError as error:
        print(f"spoken-cefr: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        if isinstance(error, BrokenPipeError):  # whoever read the output has enough (`| head -1`)
            # What is left in the buffer has nowhere to go when Python ends and flushes it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 141
        reason = why_not_written(error)
        if not reason:
            raise
        print(f"spoken-cefr: {error.filename or 'a file'}: {reason}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"spoken-cefr: interrupted; {args.interrupted}", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="spoken-cefr",
        description="Which CEFR level does a spoken recording suit?",
        epilog=GUIDE,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND", title="commands")

    common = argparse.ArgumentParser(add_help=False)
    common.add_argument(
        "--profile",
        help=f"a file of configs/ without .toml (default: ${PROFILE_VARIABLE}, or demo)",
    )
    common.set_defaults(interrupted="run the same command to go on")
    common.add_argument(
        "--set",
        action="append",
        default=[],
        dest="overrides",
        metavar="STAGE.KEY=VALUE",
        help="override one key of the profile; may be given several times",
    )

    run = commands.add_parser("run", parents=[common], help="run stages, by their notebooks")
    run.add_argument(
        "stages", nargs="*", metavar="STAGE", help=f"{', '.join(STAGES)} (default: all)"
    )
    run.add_argument(
        "--force",
        action="store_true",
        help="run even a stage that is up to date (its finished units are kept)",
    )
    run.add_argument(
        "--verify",
        action="store_true",
        help="read every file of the stages again, and make anew what is not as they left it",
    )
    run.add_argument(
        "--check",
        action="store_true",
        help="unless all is up to date, first tell what this machine lacks (see doctor)",
    )
    run.set_defaults(call=_run)

    paper = commands.add_parser(
        "paper",
        parents=[common],
        help="write paper.pdf and model_card.md from the results, into the data folder",
    )
    paper.add_argument("--output", type=Path, help="where to write the PDF instead")
    paper.set_defaults(call=_paper)

    own = commands.add_parser(
        "import",
        parents=[common],
        help="take your own recordings and their levels in place of the stage scraping",
    )
    own.add_argument("folder", type=Path, metavar="DIR", help="mp3, wav, flac or ogg files")
    own.add_argument(
        "levels", type=Path, metavar="CSV", help="columns file_name, level; speaker if you can"
    )
    own.set_defaults(call=_import)

    reproduce = commands.add_parser(
        "reproduce",
        parents=[common],
        help="run what is missing, then hold the paper's numbers against those made here",
    )
    reproduce.set_defaults(call=_reproduce)

    refresh = commands.add_parser(
        "refresh",
        aliases=["refresh-notebooks"],
        parents=[common],
        help="for maintainers: put the demo's notebooks, figures, paper and model card into git",
    )
    refresh.set_defaults(call=_refresh)
    _add_use(commands)
    return parser


def _add_use(commands: argparse._SubParsersAction) -> None:
    """The commands that use a model: predict, app, doctor."""
    profile = argparse.ArgumentParser(add_help=False)
    profile.add_argument("--profile", help="a file of configs/ without .toml")
    profile.set_defaults(interrupted="nothing is kept of what was under way")
    model = argparse.ArgumentParser(add_help=False)
    model.add_argument(
        "--model",
        metavar="DIR",
        help="folder of a bundle or of a trained run (default: the profile's bundle, else the "
        "French starter model)",
    )

    predict = commands.add_parser(
        "predict", parents=[profile, model], help="for which level does a recording suit?"
    )
    predict.add_argument(
        "paths",
        nargs="+",
        metavar="FILE",
        help="audio (mp3, m4a, wav, flac, ogg, opus, webm, wma, ...) or video of 3 s to 30 "
        "minutes; or a folder of such files",
    )
    predict.add_argument(
        "--json", action="store_true", help="print a list as doc/predict_schema.json describes it"
    )
    predict.add_argument(
        "--csv", metavar="OUT", help="also write one row a file to this file, as they are done"
    )
    predict.add_argument(
        "--resume", action="store_true", help="leave out files that the table of --csv has"
    )
    predict.add_argument(
        "--from", dest="from_s", type=float, metavar="S", help="leave out what is before (seconds)"
    )
    predict.add_argument(
        "--to", dest="to_s", type=float, metavar="S", help="leave out what is behind (seconds)"
    )
    predict.set_defaults(call=_predict)

    app = commands.add_parser("app", parents=[profile, model], help="the same on a page, here only")
    app.add_argument("--port", type=int, default=7860, help="on 127.0.0.1 (default: %(default)s)")
    app.set_defaults(call=_app)

    doctor = commands.add_parser("doctor", parents=[profile], help="what is there, what is missing")
    doctor.set_defaults(call=_doctor)


def _run(args: argparse.Namespace) -> int:
    config = load_config(args.profile, args.overrides)
    unknown = [stage for stage in args.stages if stage not in STAGES]
    if unknown:
        raise InputError(f"{unknown[0]!r} is not a stage: {', '.join(STAGES)}")
    wanted = [stage for stage in STAGES if not args.stages or stage in args.stages]
    if args.check and not _is_ready(config, wanted):
        return 1
    for stage in STAGES if args.verify else ():
        for name in changed_outputs(config, stage, verify=True):
            print(f"{stage_folder(config, stage) / name} is not as the stage {stage} left it")
    for stage in wanted:
        _run_stage(config, stage, args.overrides, force=args.force)
    _print_results(config, wanted)
    return 0


def _has_nothing_to_do(config: Config, stage: str) -> bool:
    if not is_done(config, stage):
        return False
    rebuild = stage == "scraping" and config.scraping.from_cache
    imported = "imported" in read_report(config, stage).figures  # by no notebook
    return (executed_path(config, stage).exists() or imported) and not rebuild


def _is_ready(config: Config, stages: Sequence[str]) -> bool:
    """Whether nothing is to be done, or this machine has what that needs (and say so)."""
    if all(_has_nothing_to_do(config, stage) for stage in stages):
        return True
    return importlib.import_module("spoken_cefr.doctor").run(config.profile, stages_only=True) == 0


def _run_stage(config: Config, stage: str, overrides: list[str], *, force: bool = False) -> None:
    before = previous_stage(stage)
    if before and not matches(config, before):
        raise InputError(
            f"{stage} needs {before}, which is not up to date with this profile: run "
            f"`spoken-cefr run {before}` first, with the same options"
        )
    if not force and _has_nothing_to_do(config, stage):
        changed = ", ".join(changed_outputs(config, stage))
        told = f"; changed by hand since, and taken as it is: {changed}" if changed else ""
        print(f"{stage}: up to date, skipped (--force runs it again){told}")
    else:
        # Here, not at the top: who has nothing to do need not wait for Jupyter.
        notebooks = importlib.import_module("spoken_cefr.notebooks")
        with holding(config.data_path):
            if force:
                (stage_folder(config, stage) / "report.json").unlink(missing_ok=True)
            notebooks.run_notebook(config, stage, overrides=overrides)
    print(read_report(config, stage).summary())


def _print_results(config: Config, stages: Sequence[str]) -> None:
    """End with the results table, if there is one, and where everything is."""
    folder = stage_folder(config, "evaluation")
    evaluated = matches(config, "evaluation")
    if evaluated:
        results = importlib.import_module("spoken_cefr.evaluation.scores.results")
        asked = "the study's test part" if config.evaluation.study_split else "every recording"
        print(f"\nResults on {asked}, profile {config.profile}")
        if config.notice:
            print(config.notice)
        print(results.summary_table(results.read_results(folder)).to_string(index=False))
    paths = [executed_path(config, stage) for stage in stages]
    executed = [str(path) for path in paths if path.exists()]  # what was imported has none
    print("\nNotebooks  " + "\n           ".join(executed))
    print(f"Tables     {config.data_path} (one folder a stage, each with its report.json)")
    if evaluated:
        print(f"           {folder / 'results.csv'}")
        print(f"Figures    {folder / 'figures'}")


def _paper(args: argparse.Namespace) -> int:
    config = load_config(args.profile, args.overrides)
    print(
        importlib.import_module("spoken_cefr.paper.build").build_paper(config, output=args.output)
    )
    print(importlib.import_module("spoken_cefr.paper.card").write_model_card(config))
    return 0


def _import(args: argparse.Namespace) -> int:
    config = load_config(args.profile, args.overrides)
    own = importlib.import_module("spoken_cefr.scraping.own")
    report = own.import_folder(config, args.folder, args.levels)
    for remark in report.remarks:
        print(f"{remark['id']}: {remark['reason']}")
    print(report.summary())
    print(f"go on with: spoken-cefr run --profile {config.profile}")
    return 0


def _reproduce(args: argparse.Namespace) -> int:
    config = load_config(args.profile or "demo", args.overrides)
    importlib.import_module("spoken_cefr.paper.build").check_profile(config)
    if not _is_ready(config, STAGES):
        return 1
    for stage in STAGES:
        _run_stage(config, stage, args.overrides)
    print()
    return importlib.import_module("spoken_cefr.paper.reproduce").run(config)


def _refresh(args: argparse.Namespace) -> int:
    config = load_config(args.profile, args.overrides)
    for path in importlib.import_module("spoken_cefr.paper.refresh").refresh(config):
        print(path)
    return 0


def _predict(args: argparse.Namespace) -> int:
    load_config(prediction_profile(args.profile))  # its arithmetic, before numpy is imported
    command = importlib.import_module("spoken_cefr.prediction.command")
    return command.run(
        args.paths,
        model=args.model,
        profile=args.profile,
        as_json=args.json,
        csv=args.csv,
        resume=args.resume,
        from_s=args.from_s,
        to_s=args.to_s,
    )


def _app(args: argparse.Namespace) -> int:
    load_config(prediction_profile(args.profile))
    page = importlib.import_module("spoken_cefr.page.app")
    return page.run(model=args.model, profile=args.profile, port=args.port)


def _doctor(args: argparse.Namespace) -> int:
    return importlib.import_module("spoken_cefr.doctor").run(args.profile)


if __name__ == "__main__":
    sys.exit(main())
