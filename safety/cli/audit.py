"""`vigil audit`: the trail of who did what."""

import typer

from safety.cli.common import DEFAULT_DATA_DIR, DataDir, Failure, reading

app = typer.Typer(no_args_is_help=True, help="The audit trail: is it whole?")


@app.callback()
def audit() -> None:
    """The audit trail: is it whole?"""


@app.command()
def verify(data_dir: DataDir = DEFAULT_DATA_DIR) -> None:
    """Check the hash chain of the audit trail; a broken one exits 1 and names the first broken record."""
    from safety.store.audit import audit_head, verify_audit

    with reading(data_dir) as desk:
        broken = verify_audit(desk.connection)
        if broken is not None:
            raise Failure(f"audit record {broken} is broken: it was changed, removed or put in between")
        newest, digest = audit_head(desk.connection)
    typer.echo(f"{newest} audit records hold; head {digest}")
