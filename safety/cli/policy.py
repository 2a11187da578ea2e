"""`vigil policy`: who is told when."""

from pathlib import Path
from typing import Annotated

import typer

from safety.cli.common import (
    DEFAULT_DATA_DIR,
    AsJson,
    DataDir,
    Failure,
    reading,
    show_added,
    show_list,
    shown,
    writing,
)
from safety.cli.files import read_given
from safety.cli.options import OptionalOrg, only_of
from safety.errors import InvalidInput, NotFound

app = typer.Typer(no_args_is_help=True, help="Policies: who is told of an alert, and when the next.")


@app.command()
def apply(
    file: Annotated[
        Path, typer.Argument(metavar="FILE.yaml", exists=True, dir_okay=False, help="The policy.")
    ],
    as_json: AsJson = False,
    data_dir: DataDir = DEFAULT_DATA_DIR,
) -> None:
    """Make a file the escalation policy of its organisation; again changes nothing.

    \b
    org: org_abc
    name: Day and night
    tiers:
      - responders:          # ids or names; the first tier is told at once
          - rsp_abc
          - Li Na
      - after: 2m            # since the tier before
        responders:
          - rsp_def
        min_severity: high   # only then, or critical; else any
    """
    from safety.cli.strict_yaml import read_yaml
    from safety.domain.policy_import import parse_policy
    from safety.store.policies import apply_policy

    try:
        draft = parse_policy(read_yaml(read_given(file)))
        with writing(data_dir) as desk:
            policy, changed = apply_policy(desk.connection, draft, **desk.by)
    except (InvalidInput, NotFound) as error:
        raise Failure(f"{file}: {error}") from error
    done = "applied" if changed else "unchanged:"
    show_added(shown(policy), as_json, f"{done} policy {policy.name}, {len(policy.tiers)} tiers")


@app.command("list")
def list_(org: OptionalOrg = None, as_json: AsJson = False, data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Show the policies."""
    from safety.store.policies import list_policies

    with reading(data_dir) as desk:
        policies = [shown(policy) for policy in list_policies(desk.connection, orgs=only_of(desk, org))]
    show_list(policies, ("id", "name", "org"), as_json)
