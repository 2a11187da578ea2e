"""A district: its streets as a graph to move along, its homes and its base."""

import heapq
from importlib.resources import files
from itertools import pairwise
from random import Random

import msgspec

from simulators.geometry import Point, distance_m


class Way(msgspec.Struct, frozen=True):
    """A street: its names and the nodes it runs through."""

    id: str
    name: str
    name_en: str
    kind: str
    nodes: tuple[str, ...]


class Spot(msgspec.Struct, frozen=True):
    """A place with a position: a home or the base."""

    lat: float
    lon: float
    address: str = ""

    @property
    def point(self) -> Point:
        """Where it is."""
        return Point(self.lat, self.lon)


class _Map(msgspec.Struct, frozen=True):
    nodes: dict[str, tuple[float, float]]
    ways: tuple[Way, ...]
    homes: tuple[Spot, ...]
    base: Spot


class District:
    """Streets one can move along; every node can be reached from every other."""

    def __init__(self, data: bytes) -> None:
        """`data` is JSON as in `simulators/data/shanghai.json`: points are [lat, lon], WGS-84."""
        drawn = msgspec.json.decode(data, type=_Map)
        self.ways = drawn.ways
        self.homes = drawn.homes
        self.base = drawn.base
        self.nodes = {name: Point(*place) for name, place in drawn.nodes.items()}
        self._neighbours: dict[str, dict[str, float]] = {name: {} for name in self.nodes}
        for way in drawn.ways:
            for start, end in pairwise(way.nodes):
                length_m = distance_m(self.nodes[start], self.nodes[end])
                self._neighbours[start][end] = self._neighbours[end][start] = length_m

    @classmethod
    def shanghai(cls) -> "District":
        """Return the demo's district, which is invented."""
        return cls((files("simulators") / "data" / "shanghai.json").read_bytes())

    def nearest(self, point: Point) -> str:
        """Return the node nearest to `point`."""
        return min(self.nodes, key=lambda name: distance_m(self.nodes[name], point))

    def route(self, start: Point, end: Point) -> list[Point]:
        """Return the shortest way along the streets, from `start` itself to `end` itself."""
        names = self._shortest(self.nearest(start), self.nearest(end))
        return [start, *(self.nodes[name] for name in names), end]

    def stroll(self, start: Point, length_m: float, rng: Random) -> list[Point]:
        """Return a wander of at least `length_m` along the streets, turning back only at dead ends."""
        here = self.nearest(start)
        path, gone_m, last = [start, self.nodes[here]], distance_m(start, self.nodes[here]), ""
        while gone_m < length_m:
            onward = [name for name in self._neighbours[here] if name != last] or [last]
            last, here = here, rng.choice(onward)
            gone_m += self._neighbours[last][here]
            path.append(self.nodes[here])
        return path

    def _shortest(self, start: str, end: str) -> list[str]:
        """Dijkstra's algorithm; a few hundred nodes need nothing better."""
        best_m, came_from = {start: 0.0}, {start: ""}
        queue = [(0.0, start)]
        while queue:
            gone_m, here = heapq.heappop(queue)
            if here == end:
                break
            if gone_m > best_m[here]:
                continue
            for there, length_m in self._neighbours[here].items():
                total_m = gone_m + length_m
                if total_m < best_m.get(there, float("inf")):
                    best_m[there], came_from[there] = total_m, here
                    heapq.heappush(queue, (total_m, there))
        path, here = [], end
        while here:
            path.append(here)
            here = came_from[here]
        return path[::-1]
