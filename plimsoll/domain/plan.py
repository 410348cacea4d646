"""The plan of a deploy: everything that would happen, decided from observed facts before the first write.

`--dry-run` prints it; a deploy carries it out. It holds no secret: only names of keys, and fields as `domain.diff` shows them.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from plimsoll.domain import diff
from plimsoll.domain.inventory import is_listed
from plimsoll.domain.manifests import canonical, content_hash, mark_of, marked, ref
from plimsoll.domain.migration import crossing, one_way
from plimsoll.domain.pruning import DEFAULT, is_generated, prunes, spared
from plimsoll.domain.rollout_limits import waited
from plimsoll.domain.sizing import sizing
from plimsoll.domain.waves import steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from plimsoll.domain.images import Image
    from plimsoll.domain.ledger import History
    from plimsoll.domain.manifests import Conflict, Manifest, Ref
    from plimsoll.domain.project import Environment, SecretSpec
    from plimsoll.domain.promotion import Refusal
    from plimsoll.domain.pruning import Pruning
    from plimsoll.errors import PlimsollError


@dataclass(frozen=True, kw_only=True)
class Observed:
    """What the cluster holds, and what it would answer.

    `live` are the objects that exist, `answers` those the API server would make of ours, `conflicts` and `refused` those it would
    not take as they are (`refused` with its reason). `owned` are the live objects that carry Plimsoll's label, `data` those that
    hold data. `secret_keys` maps a Secret that exists to its keys.
    """

    namespace_uid: str | None = None
    live: Mapping[Ref, Manifest] = field(default_factory=dict)
    answers: Mapping[Ref, Manifest] = field(default_factory=dict)
    conflicts: Mapping[Ref, Conflict] = field(default_factory=dict)
    refused: Mapping[Ref, PlimsollError] = field(default_factory=dict)
    owned: frozenset[Ref] = frozenset()
    data: frozenset[Ref] = frozenset()
    secret_keys: Mapping[str, frozenset[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class ObjectChange:
    """An object that exists and would change, field by field."""

    ref: Ref
    fields: tuple[diff.Change, ...]


@dataclass(frozen=True)
class Wave:
    """Objects that are applied together, and those that must be ready before the next wave."""

    name: str
    applies: tuple[Ref, ...]
    waits: tuple[Ref, ...]


@dataclass(frozen=True)
class Migration:
    """Whether the migration Jobs run, and why (not)."""

    run: bool
    why: str
    jobs: tuple[Ref, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DeployPlan:
    """What a deploy would do. `objects` are what it applies and records, marks included; everything else explains them.

    `spared` is what is no part of it any more and stays, because it holds data: it is still ours.
    """

    environment: str
    namespace: str
    release: str
    live: str | None
    live_content: str | None
    images: Mapping[str, str]
    content: str
    schema: str | None
    creates: tuple[Ref, ...]
    changes: tuple[ObjectChange, ...]
    unchanged: int
    waves: tuple[Wave, ...]
    migration: Migration
    rolled: tuple[str, ...]
    secrets: tuple[str, ...]
    prunes: tuple[Ref, ...]
    spared: tuple[Ref, ...]
    refusals: tuple[Refusal, ...]
    notes: tuple[str, ...]
    objects: tuple[Manifest, ...] = field(repr=False, default=())

    @property
    def nothing_to_do(self) -> bool:
        """Whether the verified release is this very content and nothing has drifted from it."""
        leftovers = [each for each in self.prunes if not is_generated(each) and each.kind != "Job"]
        return self.live_content == self.content and not (self.creates or self.changes or self.secrets or leftovers)

    @property
    def digest(self) -> str:
        """A hash of all that would be done: equal plans do equal things."""
        return hashlib.sha256(canonical([self.to_json(), list(self.objects)])).hexdigest()

    def to_json(self) -> dict[str, Any]:
        """Return the plan as the JSON of `inv deploy` prints it."""
        return {
            "release": self.release,
            "live": self.live,
            "nothing_to_do": self.nothing_to_do,
            "images": dict(self.images),
            "creates": [each.short for each in self.creates],
            "changes": [
                {"object": each.ref.short, "fields": [change.to_json() for change in each.fields]} for each in self.changes
            ],
            "unchanged": self.unchanged,
            "waves": [
                {"name": wave.name, "applies": [r.short for r in wave.applies], "waits": [r.short for r in wave.waits]}
                for wave in self.waves
            ],
            "migration": {"run": self.migration.run, "why": self.migration.why},
            "rolled": list(self.rolled),
            "secrets": list(self.secrets),
            "prunes": [each.short for each in self.prunes],
            "refusals": [each.to_json() for each in self.refusals],
            "notes": list(self.notes),
        }


def decide(
    objects: Sequence[Manifest],
    observed: Observed,
    history: History,
    *,
    environment: Environment,
    images: Mapping[str, Image],
    secrets: Iterable[SecretSpec] = (),
    refusals: Sequence[Refusal] = (),
    pruning: Pruning = DEFAULT,
) -> DeployPlan:
    """Return what a deploy of `objects` (from `manifests.prepare`) would do to the environment as it was observed.

    Raise Misconfigured when what the objects say of each other cannot be brought into an order.
    """
    release = f"{environment.name}-{history.next_number}"
    changed = {
        each: diff.changes(live, observed.answers[each]) for each, live in observed.live.items() if each in observed.answers
    }
    final = tuple(_marked(each, observed.live.get(ref(each)), changed.get(ref(each), ()), release) for each in objects)
    schema = schema_of(images)
    migration = decide_migration(objects, observed, history, schema)
    idle_jobs = set() if migration.run else {ref(each) for each in objects if each["kind"] == "Job"}
    creates = tuple(r for r in map(ref, objects) if r not in observed.live and r not in idle_jobs)
    changes = tuple(ObjectChange(r, changed[r]) for r in map(ref, objects) if changed.get(r) and r not in idle_jobs)
    touched = {*creates, *(change.ref for change in changes)}
    # Applied along, when a release is made anyway: what an earlier version of us applied is not in the inventory yet.
    unlisted = {r for r in map(ref, objects) if r in observed.live and not is_listed(observed.live[r])} - idle_jobs
    stays = spared(objects, observed.owned, history, data=observed.data, pruning=pruning)
    verified = history.verified
    return DeployPlan(
        environment=environment.name,
        namespace=environment.namespace,
        release=release,
        live=verified.name if verified else None,
        live_content=verified.content if verified else None,
        images={service: image.reference for service, image in images.items()},
        content=content_hash(objects),
        schema=schema,
        creates=creates,
        changes=changes,
        unchanged=len(objects) - len(touched) - len(idle_jobs),
        waves=waves_of(final, touched | unlisted, migration),
        migration=migration,
        rolled=tuple(sorted(ref(each).short for each in final if mark_of(each) == release)),
        secrets=missing_secrets(secrets, observed.secret_keys),
        prunes=prunes(objects, observed.owned, history, data=observed.data, pruning=pruning),
        spared=stays,
        refusals=tuple(refusals),
        notes=(
            *sizing(objects, environment.components),
            *_warnings(objects, observed, history, migration, schema),
            *(f"{each.short} is no part of it any more and stays, for it holds data" for each in stays),
        ),
        objects=final,
    )


def waves_of(objects: Sequence[Manifest], touched: Iterable[Ref], migration: Migration) -> tuple[Wave, ...]:
    """Return the waves: of each the objects that are touched, and all that must be ready after it.

    A wave whose objects wait for each other comes once per level of them.
    """
    wanted = set(touched)
    found = []
    for name, level in steps(objects):
        if name == "migration":
            jobs = tuple(r for r in map(ref, level) if r in migration.jobs)
            found.append(Wave(name, jobs, jobs))
        else:
            waits = tuple(ref(each) for each in level if waited(each))
            found.append(Wave(name, tuple(r for r in map(ref, level) if r in wanted), waits))
    return tuple(wave for wave in found if wave.applies or wave.waits)


def decide_migration(objects: Sequence[Manifest], observed: Observed, history: History, schema: str | None) -> Migration:
    """Return whether the database of this very namespace has yet to reach `schema`."""
    jobs = tuple(ref(each) for each in objects if each["kind"] == "Job")
    if not jobs:
        return Migration(run=False, why="the overlay has no migration Job")
    if schema is None:
        fresh = tuple(each for each in jobs if each not in observed.live)
        return Migration(run=bool(fresh), why="no service names its schema: a Job runs when its spec is new", jobs=fresh)
    if schema in history.reached(observed.namespace_uid):
        return Migration(run=False, why=f"the database has reached schema {_brief(schema)} already")
    return Migration(run=True, why=f"the database has not reached schema {_brief(schema)} yet", jobs=jobs)


def _warnings(
    objects: Sequence[Manifest], observed: Observed, history: History, migration: Migration, schema: str | None
) -> Iterator[str]:
    """Yield what a person must know of the database before saying yes."""
    if one_way(objects) and migration.run:
        yield "the migration is marked incompatible: once it ran, no release from before it is brought back"
    if crossed := crossing(history, schema, observed.namespace_uid):
        yield f"the migration of {crossed.name} is marked incompatible, and these images are older: restore the database first"
    if observed.namespace_uid is None and history.standing is not None:
        yield f"the namespace was deleted under {history.standing.name}: database content is gone"


def missing_secrets(specs: Iterable[SecretSpec], existing: Mapping[str, frozenset[str]]) -> tuple[str, ...]:
    """Return the `secret/key` names that have to be generated."""
    return tuple(
        f"{spec.name}/{key}" for spec in specs for key in sorted(spec.keys) if key not in existing.get(spec.name, frozenset())
    )


def schema_of(images: Mapping[str, Image]) -> str | None:
    """Return one hash for the migrations of all services, None where none has any."""
    schemas = sorted(f"{service}:{image.schema}" for service, image in images.items() if image.schema)
    return hashlib.sha256("\n".join(schemas).encode()).hexdigest() if schemas else None


def _marked(manifest: Manifest, live: Manifest | None, changed: tuple[diff.Change, ...], release: str) -> Manifest:
    """Return a workload with the release that last changed its pods: this one, or the one that live pods name."""
    old = mark_of(live) if live is not None else None
    return marked(manifest, release if old is None or diff.touches_template(changed) else old)


def _brief(schema: str) -> str:
    return schema[:12]
