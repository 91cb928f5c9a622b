"""It kills Helm runs whose lease has run out, in a process of its own, because the operator may be frozen.

It is started as a script, with the standard library alone, and reads commands from its standard input:
`until SCOPE SECONDS` moves the deadline of a scope, on the clock below; `run SCOPE PID` names a Helm run. At
the end of its input the operator is gone, and so are its runs.
"""

import contextlib
import os
import select
import signal
import time

STDIN = 0


def clock() -> float:
    """Return the seconds since boot, those of a suspended machine among them."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def kill(run: int) -> None:
    """Kill the process of a descriptor; one that has ended is fine."""
    with contextlib.suppress(ProcessLookupError):
        signal.pidfd_send_signal(run, signal.SIGKILL)


def main() -> None:
    """Serve until the end of the input."""
    deadlines: dict[str, float] = {}
    runs: dict[int, str] = {}  # scope by descriptor of the process
    poller = select.poll()
    poller.register(STDIN, select.POLLIN)
    buffer = b""
    while True:
        due = min((deadlines.get(scope, 0.0) for scope in runs.values()), default=None)
        wait_ms = None if due is None else max(0, int((due - clock()) * 1000) + 1)
        ready = [descriptor for descriptor, _ in poller.poll(wait_ms)]
        if STDIN in ready:
            data = os.read(STDIN, 65536)
            if not data:
                break
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                command, scope, value = line.decode().split()
                if command == "until":
                    deadlines[scope] = float(value)
                    continue
                try:
                    run = os.pidfd_open(int(value))
                except ProcessLookupError:
                    continue
                runs[run] = scope
                poller.register(run, select.POLLIN)
        now = clock()
        for run, scope in list(runs.items()):
            overdue = now >= deadlines.get(scope, 0.0)
            if overdue:
                kill(run)
            if overdue or run in ready:
                poller.unregister(run)
                os.close(run)
                del runs[run]
    for run in runs:
        kill(run)


if __name__ == "__main__":
    main()
