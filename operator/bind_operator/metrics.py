"""Prometheus can ask for these metrics of the operator."""

from prometheus_client import Counter, Gauge, Histogram

RECONCILES = Counter("bind_operator_reconciles_total", "Reconciliations, by outcome.", ["outcome"])
RECONCILE_SECONDS = Histogram(
    "bind_operator_reconcile_seconds",
    "Duration of a reconciliation, with the Helm run that it made.",
    buckets=(0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
HELM_SECONDS = Histogram(
    "bind_operator_helm_seconds",
    "Duration of a Helm run, by command.",
    ["command"],
    buckets=(0.2, 0.5, 1, 2, 5, 10, 30, 60, 120),
)
STATUS_PATCHES = Counter("bind_operator_status_patches_total", "Writes of a status.")
DRIFT_CORRECTIONS = Counter(
    "bind_operator_drift_corrections_total", "Objects that were put back, by kind.", ["kind"]
)
RELEASES = Gauge("bind_operator_releases", "Resources by the state of their release.", ["state"])
QUEUE_DEPTH = Gauge("bind_operator_queue_depth", "Resources that are due and wait for a worker.")
WATCH_AGE = Gauge(
    "bind_operator_watch_age_seconds",
    "Seconds since the last event, bookmark or successful connect of the oldest watch of a kind. The watch "
    "of bindvectorizers shows no bookmarks, and connects each minute.",
    ["kind"],
)
WATCH_FAILURES = Counter(
    "bind_operator_watch_failures_total", "Failures of watches, by kind and cause.", ["kind", "cause"]
)
LEADER = Gauge(
    "bind_operator_leader", "Whether this process holds a Lease, by namespace/name of it.", ["lease"]
)
VERIFIED_TIMESTAMP = Gauge(
    "bind_operator_verified_timestamp_seconds",
    "When the live check of a resource last found all as it should be, in seconds of the epoch.",
    ["namespace", "name"],
)
