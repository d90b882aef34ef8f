"""What can be asked: declarations only. One line per field says type, answerer and right."""


def sdl() -> str:
    """The whole schema in SDL, with every field's right, as `schema/schema.graphql` holds it."""
    from schema.schema import schema  # noqa: PLC0415 - building it takes a while

    return f"{schema.as_str()}\n"
