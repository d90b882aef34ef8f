"""`coordinator simulate`: the identity provider of `coordinator demo --simulate`."""

from app.cli.options import DataDir, settings_from


def simulate(data_dir: DataDir = None) -> None:
    """Keep changing the people of the demo company through the doors, until stopped."""
    from app.demo import simulate as keep_changing
    from app.logs import configure_logs
    from app.stack import located

    settings = located(settings_from(data_dir))
    configure_logs(as_json=settings.logs_json)
    keep_changing(settings)
