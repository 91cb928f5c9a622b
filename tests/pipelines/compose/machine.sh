#!/bin/sh
# Runs a command beside podman's API ($DOCKER_HOST), in namespaces of its own, so that with it all is gone:
# unshare --net --mount --pid --fork --mount-proc --kill-child machine.sh COMMAND...
set -eu
mount -t tmpfs none /run
ip link set lo up
podman system service --time 0 "$DOCKER_HOST" 2>service.log &
# podman leaves health checks to systemd, which is not everywhere.
while :; do
	for container in $(podman ps --quiet); do podman healthcheck run "$container" || true; done
	sleep 1
done >/dev/null 2>&1 &
until [ -S "${DOCKER_HOST#unix://}" ]; do sleep 0.1; done
"$@"
