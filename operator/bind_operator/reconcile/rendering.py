"""With `delivery: Render` the operator writes values for somebody else, and installs nothing."""

from dataclasses import dataclass, replace

from bind_operator.api.delivery import RenderOutput
from bind_operator.api.spec import DeletionPolicy
from bind_operator.api.status import RenderedStatus
from bind_operator.cluster.kube import Kube
from bind_operator.cluster.rendered_values import RenderedConfigMaps, What
from bind_operator.errors import OperatorError
from bind_operator.policy.facts import Failure
from bind_operator.policy.names import rendered_name
from bind_operator.policy.objects import Object
from bind_operator.policy.state import ReleaseState
from bind_operator.policy.status import read_rendered
from bind_operator.reasons import Reason
from bind_operator.reconcile.deletion import Deletion
from bind_operator.reconcile.look import Look
from bind_operator.release.chart import Chart
from bind_operator.release.helm import Helm
from bind_operator.release.manifests import check_manifests
from bind_operator.release.values import RenderedValues


@dataclass
class Rendering:
    """It acts in place of Helm."""

    chart: Chart
    kube: Kube
    config_maps: RenderedConfigMaps
    deletion: Deletion
    helm: Helm

    async def render(self, look: Look) -> Look:
        """Write the values of a look's resource; return the look with what came of it."""
        values = look.values
        look = _as_somebody_elses(look)
        if values is None or look.failure is not None or look.suspended:
            return look
        full_name = self.chart.full_name
        try:
            is_new = await self.config_maps.apply(look.key, look.raw, values.text, values.digest, full_name)
            manifests = await self._render_manifests(look, values)
        except OperatorError as error:
            if not error.counted:
                raise
            failure = Failure(error.reason, str(error), is_final=not error.retry)
            return replace(look, failure=failure)
        name = rendered_name(look.key.name)
        if is_new and was_rendered(look.raw):
            # The first time Ready's own event tells it.
            message = f"values of {full_name} were written to ConfigMap {name}, digest {values.digest}"
            await self.kube.record_event(look.raw, Reason.RENDERED, message, warning=False)
        rendered = RenderedStatus(config_map=name, chart=full_name, digest=values.digest, manifests=manifests)
        return replace(look, rendered=rendered)

    async def _render_manifests(self, look: Look, values: RenderedValues) -> str | None:
        """Write the objects that the values come to, if that is asked for; return the ConfigMap's name."""
        key, raw = look.key, look.raw
        wanted = look.resource.spec.render if look.resource else None
        if wanted is None or wanted.output is not RenderOutput.MANIFESTS:
            if has_manifests(raw):
                await self.config_maps.delete(key, raw, What.MANIFESTS)
            return None
        if not await self.config_maps.is_current(key, raw, values.digest, What.MANIFESTS):
            text = await self.helm.template(key, values)
            check_manifests(text)
            full_name = self.chart.full_name
            await self.config_maps.apply(key, raw, text, values.digest, full_name, What.MANIFESTS)
        return rendered_name(key.name, What.MANIFESTS)

    async def finish(self, look: Look) -> bool:
        """Let a deleted resource go; its ConfigMap goes with it, and the release is whose it is."""
        if look.observed.revisions and look.observed.revisions[0].managed:
            command = f"{self.deletion.uninstaller.helm.driver.command} uninstall"
            message = (
                f"release {look.key.name} is left, because spec.delivery is Render. Remove it with: "
                f"{command} {look.key.name} -n {look.key.namespace}"
            )
            await self.kube.record_event(look.raw, Reason.RELEASE_LEFT, message, warning=False)
        observed = look.observed
        return await self.deletion.finish(look.key, look.raw, observed, DeletionPolicy.RETAIN, owned=False)

    async def withdraw(self, look: Look) -> None:
        """Remove the ConfigMap of a resource that is applied again, as soon as no release is in its way.

        Until then somebody may read it.
        """
        if was_rendered(look.raw) and look.state is not ReleaseState.FOREIGN:
            await self.config_maps.delete(look.key, look.raw)
            if has_manifests(look.raw):
                await self.config_maps.delete(look.key, look.raw, What.MANIFESTS)


def was_rendered(raw: Object) -> bool:
    """Return whether the status tells of rendered values."""
    return "rendered" in raw.get("status", {})


def has_manifests(raw: Object) -> bool:
    """Return whether the status tells of rendered manifests."""
    return bool(raw.get("status", {}).get("rendered", {}).get("manifests"))


def _as_somebody_elses(look: Look) -> Look:
    """Return the look without what is only said of a release of the operator's."""
    revisions = look.observed.revisions
    return replace(
        look,
        state=ReleaseState.ABSENT,
        observed=replace(look.observed, revisions=()),
        drift=None,
        standstill="",
        rendered=read_rendered(look.raw.get("status", {})),
        leaves_release=bool(revisions) and revisions[0].managed,
    )
