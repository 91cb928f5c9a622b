"""Hardware profiles are read, and laid under the spec of a resource: defaults, then profile, then the spec.

The spec is merged as it is stored, before the models fill in their defaults, because only then can what a
user set be told from a default.
"""

import copy
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError

from bind_operator.api.autoscaling import Autoscaling
from bind_operator.api.identity import API_VERSION, KIND
from bind_operator.api.parse import parse_resource, parse_stored, place_faults
from bind_operator.api.profile import PROFILE_NAME_PATTERN, Profile, ReplicaBounds
from bind_operator.api.spec import BindVectorizer
from bind_operator.api.status import ProfileStatus
from bind_operator.errors import InvalidSpec, ProfileInvalid, ProfileMissing, ProfileUnfit

DIGEST_LENGTH = 16
MOST_NAMED = 20

Tree = dict[str, Any]

_PLACES = MappingProxyType(
    {
        "device": ("device",),
        "gpu": ("gpu",),
        "nodeSelector": ("inference", "nodeSelector"),
        "tolerations": ("inference", "tolerations"),
        "resources": ("inference", "resources"),
        "batching": ("inference", "batching"),
        "precision": ("inference", "model", "precision"),
    }
)
"""A field of a profile is laid under this field of the spec."""


@dataclass(frozen=True)
class KnownProfile:
    """It is a profile that can be used."""

    name: str
    profile: Profile
    digest: str


@dataclass(frozen=True)
class ProfileBook:
    """It holds the profiles that the operator has."""

    known: Mapping[str, KnownProfile] = field(default_factory=dict)
    faults: Mapping[str, str] = field(default_factory=dict)
    """What is wrong with those that cannot be used, by name."""

    def find(self, name: str) -> KnownProfile:
        """Return the profile of that name. Raises ProfileMissing or ProfileInvalid, with the remedy."""
        if name in self.known:
            return self.known[name]
        if name in self.faults:
            raise ProfileInvalid(
                f"profile {name} of the operator cannot be used: {self.faults[name]}; who runs the operator "
                f"mends profiles.{name} in the values of its chart, or choose another: {self._names()}"
            )
        raise ProfileMissing(
            f"spec.profile is {name}, but the operator has no such profile; set spec.profile to one of "
            f"{self._names()}; or who runs the operator adds profiles.{name} to the values of its chart"
        )

    def version_of(self, name: str) -> str:
        """Return what tells one state of a profile from another; "" where there is none."""
        return self.known[name].digest if name in self.known else self.faults.get(name, "")

    def _names(self) -> str:
        names = sorted(self.known)
        more = f" and {len(names) - MOST_NAMED} more" if len(names) > MOST_NAMED else ""
        return ", ".join(names[:MOST_NAMED]) + more if names else "(there are none)"


NO_PROFILES = ProfileBook()


@dataclass(frozen=True)
class AppliedProfile:
    """It is what a profile was for one resource."""

    name: str
    digest: str
    overridden: tuple[str, ...]
    """These fields of the spec count instead of the profile's."""
    node_wait_s: float | None


def read_book(texts: Mapping[str, str]) -> ProfileBook:
    """Return the profiles in `texts`, YAML by name. One that cannot be used is a fault and harms no other."""
    known, faults = {}, {}
    for name, text in sorted(texts.items()):
        try:
            known[name] = read_profile(name, text)
        except ProfileInvalid as error:
            faults[name] = str(error)
    return ProfileBook(known, faults)


def read_profile(name: str, text: str) -> KnownProfile:
    """Return the profile in `text`. Raises ProfileInvalid, which names each field at fault."""
    if not re.match(PROFILE_NAME_PATTERN, name):
        raise ProfileInvalid("its name must be of a-z, 0-9, '-' and '.', at most 63; rename it")
    try:
        content = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        # PyYAML gives a date that there is not as a ValueError.
        raise ProfileInvalid(f"it is not YAML: {error}") from error
    try:
        profile = Profile.model_validate(content)
    except ValidationError as error:
        raise ProfileInvalid("; ".join(place_faults(error))) from error
    _check_rules(profile)
    bounds = profile.replicas
    if bounds is not None and bounds.min > bounds.max:
        raise ProfileInvalid(f"replicas.min: is {bounds.min}, above replicas.max {bounds.max}; lower it")
    written = profile.model_dump(mode="json", by_alias=True, exclude_none=True, exclude={"description"})
    canonical = json.dumps(written, sort_keys=True, separators=(",", ":"))
    return KnownProfile(name, profile, hashlib.sha256(canonical.encode()).hexdigest()[:DIGEST_LENGTH])


def _check_rules(profile: Profile) -> None:
    """Raise ProfileInvalid if an otherwise empty resource would break a rule with the profile."""
    spec, _ = _merged(_fragment(profile), {"inference": {"model": {"name": "Tiny"}}})
    manifest = {"apiVersion": API_VERSION, "kind": KIND, "metadata": {"name": "any"}, "spec": spec}
    try:
        parse_resource(manifest)
    except InvalidSpec as error:
        lines = [_in_the_profile(line) for line in str(error).splitlines()]
        raise ProfileInvalid("; ".join(lines)) from error


def _in_the_profile(line: str) -> str:
    """Return a fault of a spec with its field as the profile has it."""
    for name, place in _PLACES.items():
        line = line.replace(f"spec.{'.'.join(place)}", name)
    return line


def resolve(
    manifest: Mapping[str, Any], book: ProfileBook, *, is_stored: bool
) -> tuple[BindVectorizer, tuple[str, ...], AppliedProfile | None]:
    """Return the resource in `manifest` with its profile's values, its unknown fields, and the profile.

    is_stored: unknown fields are told and not refused, as `parse_stored` says.
    Raises InvalidSpec, ProfileMissing, ProfileInvalid or ProfileUnfit.
    """
    spec = manifest.get("spec")
    name = spec.get("profile") if isinstance(spec, Mapping) else None
    if not isinstance(spec, Mapping) or not isinstance(name, str):
        return *_parse(manifest, is_stored=is_stored), None
    known = book.find(name)
    _check_device(spec, known)
    fragment = _fragment(known.profile)
    if _is_autoscaled(spec):
        # The profile's bounds hold for the autoscaler's, and no number is given beside it.
        fragment.get("inference", {}).pop("replicas", None)
    merged, overridden = _merged(fragment, spec)
    try:
        resource, ignored = _parse({**manifest, "spec": merged}, is_stored=is_stored)
    except InvalidSpec as error:
        raise InvalidSpec(f"with profile {name}: {error}") from error
    _check_replicas(resource, known)
    wait_s = known.profile.node_wait_seconds
    return resource, ignored, AppliedProfile(name, known.digest, tuple(sorted(overridden)), wait_s)


def _parse(manifest: Mapping[str, Any], *, is_stored: bool) -> tuple[BindVectorizer, tuple[str, ...]]:
    return parse_stored(manifest) if is_stored else (parse_resource(manifest), ())


def _check_device(spec: Mapping[str, Any], known: KnownProfile) -> None:
    device, own = str(known.profile.device), spec.get("device")
    if own not in (None, device):
        raise ProfileUnfit(
            f"spec.device is {own}, but profile {known.name} is for {device}; remove spec.device (a resource "
            "made before profiles has it stored: the how-to page on profiles has the command), or choose "
            "another profile"
        )


def _is_autoscaled(spec: Mapping[str, Any]) -> bool:
    inference = spec.get("inference")
    return isinstance(inference, Mapping) and inference.get("autoscaling") is not None


def _check_replicas(resource: BindVectorizer, known: KnownProfile) -> None:
    bounds, replicas = known.profile.replicas, resource.spec.inference.replicas
    if bounds is not None and (scaling := resource.spec.inference.autoscaling) is not None:
        _check_autoscaling(scaling, bounds, known.name)
        return
    if bounds is None or replicas == 0 or bounds.min <= replicas <= bounds.max:
        return
    raise ProfileUnfit(
        f"spec.inference.replicas is {replicas}, but profile {known.name} allows {bounds.min} to "
        f"{bounds.max}; set it within, or who runs the operator changes profiles.{known.name}.replicas"
    )


def _check_autoscaling(scaling: Autoscaling, bounds: ReplicaBounds, name: str) -> None:
    least, most = scaling.min_replicas, scaling.max_replicas
    if (least == 0 or least >= bounds.min) and bounds.min <= most <= bounds.max:
        return
    raise ProfileUnfit(
        f"spec.inference.autoscaling asks for {least} to {most} replicas, but profile {name} allows "
        f"{bounds.min} to {bounds.max}, or none; set minReplicas and maxReplicas within, or who runs the "
        f"operator changes profiles.{name}.replicas"
    )


def _fragment(profile: Profile) -> Tree:
    """Return what the profile sets, as a spec."""
    written = profile.model_dump(mode="json", by_alias=True, exclude_none=True, exclude_unset=True)
    if profile.replicas is not None:
        written["replicas"] = profile.replicas.min
    spec: Tree = {}
    for name, place in {**_PLACES, "replicas": ("inference", "replicas")}.items():
        if name in written:
            *above, last = place
            node = spec
            for part in above:
                node = node.setdefault(part, {})
            node[last] = written[name]
    return spec


def _merged(fragment: Tree, spec: Mapping[str, Any]) -> tuple[Tree, list[str]]:
    """Return `spec` laid over `fragment`, and the paths at which it says something else."""
    own = copy.deepcopy(dict(spec))
    _one_way_to_gpus(fragment, own)
    overridden: list[str] = []
    return _lay_over(fragment, own, ("spec",), overridden), overridden


def _lay_over(below: Tree, above: Mapping[str, Any], path: tuple[str, ...], told: list[str]) -> Tree:
    """Return a map of both: maps merge by key, tolerations add up, all else is replaced, null is nothing."""
    result = dict(below)
    for key, value in above.items():
        place = (*path, key)
        if value is None and key in below:
            continue
        old = below.get(key)
        if isinstance(old, dict) and isinstance(value, Mapping):
            result[key] = _lay_over(old, value, place, told)
        elif key == "tolerations" and isinstance(old, list) and isinstance(value, list):
            result[key] = [*old, *(one for one in value if one not in old)]
        else:
            result[key] = value
            if key in below and str(old) != str(value):
                told.append(".".join(place))
    return result


def _one_way_to_gpus(fragment: Tree, spec: Mapping[str, Any]) -> None:
    """Take from `fragment` the way to GPUs that `spec` does not go: a count, or claims."""
    own, below = spec.get("gpu"), fragment.get("gpu")
    if not isinstance(own, Mapping) or below is None:
        return
    if own.get("resourceClaims"):
        dropped: Iterable[str] = ("resourceName", "count")
    elif "resourceName" in own or "count" in own:
        dropped = ("resourceClaims",)
    else:
        return
    fragment["gpu"] = {name: value for name, value in below.items() if name not in dropped}


def profile_status(applied: AppliedProfile | None) -> ProfileStatus | None:
    """Return what the status says of the profile."""
    if applied is None:
        return None
    return ProfileStatus(name=applied.name, digest=applied.digest, overridden=list(applied.overridden))


def profile_news(status: Mapping[str, Any], applied: AppliedProfile | None) -> str:
    """Return what an event tells of a profile that is another than `status` says; "" for nothing."""
    before = status.get("profile") or {}
    if applied is None or before.get("name") != applied.name or before.get("digest") == applied.digest:
        return ""
    return f"profile {applied.name} has changed, from {before.get('digest')} to {applied.digest}"


def changed_profiles(before: ProfileBook, after: ProfileBook) -> Sequence[str]:
    """Return the names of the profiles that came, went or are others now."""
    names = {*before.known, *before.faults, *after.known, *after.faults}
    return sorted(name for name in names if before.version_of(name) != after.version_of(name))


def describe_change(before: KnownProfile, after: KnownProfile) -> str:
    """Return which fields of a profile are others."""
    old, new = (one.profile.model_dump(mode="json", by_alias=True) for one in (before, after))
    return ", ".join(sorted(name for name in new if old.get(name) != new[name]))
