"""The declarative base every table hangs on, and the column types they share."""

import datetime as dt
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from sqlalchemy import CheckConstraint, DateTime, Enum, Identity, Integer, MetaData, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

Json = dict[str, Any]

Id = Annotated[int, mapped_column(Integer, Identity(), primary_key=True)]
Moment = Annotated[dt.datetime, mapped_column(DateTime(timezone=True))]
CreatedAt = Annotated[
    dt.datetime, mapped_column(DateTime(timezone=True), server_default=func.now())
]


class Base(DeclarativeBase):
    """Common ground of all tables; every constraint gets a predictable name."""

    metadata = MetaData(naming_convention=NAMING)
    type_annotation_map: ClassVar = {
        Json: JSONB(none_as_null=True),
        dt.datetime: DateTime(timezone=True),
    }


def text_enum(kind: type[StrEnum]) -> Enum:
    """A StrEnum stored by its value as text; the allowed values stand in a CHECK."""
    return Enum(
        kind,
        native_enum=False,
        create_constraint=False,
        length=32,
        values_callable=lambda members: [member.value for member in members],
    )


def one_of(column: str, kind: type[StrEnum]) -> CheckConstraint:
    """The CHECK that keeps `column` within the values of `kind`."""
    values = ", ".join(f"'{member.value}'" for member in kind)
    return CheckConstraint(f"{column} IN ({values})", name=column)
