"""Shapes: what all answers have in common, and the problem documents."""

from datetime import datetime
from typing import Generic, TypeVar

from pydantic import BaseModel, ConfigDict

T = TypeVar("T")


class Shape(BaseModel):
    """What an answer holds; nothing else."""

    model_config = ConfigDict(extra="forbid")


class Page(Shape, Generic[T]):
    """A part of a list; `next` is the cursor of the part after it, null at the end."""

    items: list[T]
    next: str | None


class Place(Shape):
    """Where, and how old that is; `accuracy_m` is the radius that holds 68 %."""

    lat: float
    lon: float
    accuracy_m: float | None
    time: datetime
    age_s: float


class Problem(BaseModel):
    """An RFC 9457 problem document."""

    type: str
    title: str
    status: int
    detail: str


class InputProblem(Problem):
    """Which fields cannot be taken, and why."""

    errors: list[dict[str, str]] = []
