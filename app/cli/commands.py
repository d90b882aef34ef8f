"""All commands in one place."""

import typer

from app.cli import (
    audit,
    billing,
    changes,
    demo,
    export_schema,
    health,
    holds,
    insights,
    issuer,
    jobs,
    learners,
    mail,
    migrate,
    segment,
    serve,
    simulate,
    token,
    up,
    verify,
    watch,
    who_can,
    why,
    worker,
)

commands = typer.Typer(
    name="coordinator",
    help="Course coordinators that follow from who people are. "
    "`coordinator demo` shows it; `coordinator up` runs it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

commands.command("demo")(demo.demo)
commands.command("up")(up.up)
commands.command("serve")(serve.serve)
commands.command("worker")(worker.worker)
commands.command("migrate")(migrate.migrate)
commands.command("watch")(watch.watch)
commands.command("mail")(mail.mail)
commands.command("jobs")(jobs.jobs)
commands.command("verify")(verify.verify)
commands.command("health")(health.health)
commands.command("who-can")(who_can.who_can)
commands.command("why")(why.why)
commands.command("export-schema")(export_schema.export_schema)
commands.command("simulate", hidden=True)(simulate.simulate)
commands.add_typer(token.tokens, name="token")
commands.add_typer(audit.audits, name="audit")
commands.add_typer(issuer.issuers, name="issuer")
commands.add_typer(insights.insights, name="insights")
commands.add_typer(learners.learners, name="learners")
commands.add_typer(segment.segments, name="segment")
commands.add_typer(holds.holds, name="holds")
commands.add_typer(changes.changes, name="changes")
commands.add_typer(billing.billing, name="billing")
