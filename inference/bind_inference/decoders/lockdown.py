"""Lock this process in: no file but those of Python, no network, no other process. Nothing undoes it.

A decoder that was taken over by its input has what it holds: its socket to the server, and the item. Landlock
keeps it from files, a seccomp filter from sockets and processes; both are the kernel's, need no rights, and
are allowed by the default profiles of Docker and containerd. By ctypes, since the libraries for it that are
kept up want libseccomp in the image, and the others are a year old.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct
import sysconfig
from errno import EACCES, ENOSYS
from pathlib import Path
from typing import Final

_PR_SET_NO_NEW_PRIVS: Final = 38
_PR_SET_SECCOMP: Final = 22
_SECCOMP_MODE_FILTER: Final = 2
_LIBC: Final = ctypes.CDLL(None, use_errno=True)

# Landlock: the calls have these numbers on every architecture.
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULESET_VERSION: Final = 1
_PATH_BENEATH: Final = 1
_READ_FILE, _READ_DIR = 1 << 2, 1 << 3
# Ways to touch a file that each version of the interface knows; later ones know the last.
_FILE_RIGHTS: Final = (13, 14, 15, 15, 16)
_NETWORK_SINCE, _SCOPES_SINCE = 4, 6
_ALL_OF_TCP: Final = 0b11
_ALL_SCOPES: Final = 0b11  # abstract sockets, signals

# Seccomp: architecture, and the numbers of the calls that are refused.
_X86: Final = 0xC000003E
_ARM: Final = 0xC00000B7
_ARCHITECTURES: Final = {"x86_64": _X86, "aarch64": _ARM}
_REFUSED: Final = {
    _X86: {
        "accept": 43, "accept4": 288, "bind": 49, "connect": 42, "listen": 50, "socket": 41, "socketpair": 53,
        "execve": 59, "execveat": 322, "fork": 57, "vfork": 58, "setns": 308, "unshare": 272,
        "kcmp": 312, "migrate_pages": 256, "move_pages": 279, "pidfd_getfd": 438, "pidfd_open": 434,
        "pidfd_send_signal": 424, "process_madvise": 440, "process_vm_readv": 310, "process_vm_writev": 311,
        "ptrace": 101, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "sched_setaffinity": 203,
        "setpriority": 141, "tkill": 200,
        "bpf": 321, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "kexec_load": 246,
        "perf_event_open": 298, "userfaultfd": 323,
        "add_key": 248, "keyctl": 250, "request_key": 249,
        "mq_open": 240, "msgget": 68, "semget": 64, "shmat": 30, "shmget": 29,
        "chroot": 161, "fsmount": 432, "fsopen": 430, "mount": 165, "mount_setattr": 442, "move_mount": 429,
        "open_tree": 428, "pivot_root": 155, "umount2": 166,
        "chmod": 90, "chown": 92, "fchmodat": 268, "fchmodat2": 452, "fchownat": 260, "lchown": 94,
        "lsetxattr": 189, "setxattr": 188, "utime": 132, "utimensat": 280, "utimes": 235,
        "fanotify_init": 300, "inotify_init": 253, "inotify_init1": 294, "name_to_handle_at": 303,
        "open_by_handle_at": 304,
    },
    _ARM: {
        "accept": 202, "accept4": 242, "bind": 200, "connect": 203, "listen": 201, "socket": 198,
        "socketpair": 199,
        "execve": 221, "execveat": 281, "setns": 268, "unshare": 97,
        "kcmp": 272, "migrate_pages": 238, "move_pages": 239, "pidfd_getfd": 438, "pidfd_open": 434,
        "pidfd_send_signal": 424, "process_madvise": 440, "process_vm_readv": 270, "process_vm_writev": 271,
        "ptrace": 117, "rt_sigqueueinfo": 138, "rt_tgsigqueueinfo": 240, "sched_setaffinity": 122,
        "setpriority": 140, "tkill": 130,
        "bpf": 280, "io_uring_enter": 426, "io_uring_register": 427, "io_uring_setup": 425, "kexec_load": 104,
        "perf_event_open": 241, "userfaultfd": 282,
        "add_key": 217, "keyctl": 219, "request_key": 218,
        "mq_open": 180, "msgget": 186, "semget": 190, "shmat": 196, "shmget": 194,
        "chroot": 51, "fsmount": 432, "fsopen": 430, "mount": 40, "mount_setattr": 442, "move_mount": 429,
        "open_tree": 428, "pivot_root": 41, "umount2": 39,
        "fchmodat": 53, "fchmodat2": 452, "fchownat": 54, "lsetxattr": 6, "setxattr": 5, "utimensat": 88,
        "fanotify_init": 262, "inotify_init1": 26, "name_to_handle_at": 264, "open_by_handle_at": 265,
    },
}  # fmt: skip
# Calls that are refused unless their first argument is this process. 0 is that too, but for signals it is all
# of its group, with the server.
_OF_PROCESS: Final = {
    _X86: {"kill": 62, "prlimit64": 302, "tgkill": 234},
    _ARM: {"kill": 129, "prlimit64": 261, "tgkill": 131},
}
# Commands, the second argument, that have the kernel send a signal to whomever the caller names.
_COMMANDS: Final = {
    _X86: {72: (8, 10, 15), 16: (0x8901, 0x8902, 0x5412)},
    _ARM: {25: (8, 10, 15), 29: (0x8901, 0x8902, 0x5412)},
}
_CLONE: Final = {_X86: 56, _ARM: 220}
_CLONE3: Final = 435  # its flags lie in memory, where no filter looks: without it libc takes clone
_CLONE_THREAD: Final = 0x10000

# Of struct seccomp_data: the call's number, the architecture, the low halves of two arguments.
_NUMBER, _ARCHITECTURE, _FIRST, _SECOND = 0, 4, 16, 24
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_ALLOW, _ERRNO, _KILL = 0x7FFF0000, 0x00050000, 0x80000000

Instruction = tuple[int, int, int, int]


def lock_in() -> list[str]:
    """Lock the calling thread in, and those it starts later; return what of it this kernel cannot."""
    _LIBC.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    missing = []
    for what, lock in (("files (Landlock)", lock_files), ("network and processes (seccomp)", lock_calls)):
        try:
            lock()
        except OSError as error:
            missing.append(f"{what}: {error.strerror}")
    return missing


def lock_files() -> None:
    """Let nothing be opened but Python's own files, for reading. Raises OSError."""
    version = _call(_CREATE_RULESET, None, 0, _RULESET_VERSION)
    rights = (1 << _FILE_RIGHTS[min(version, len(_FILE_RIGHTS)) - 1]) - 1
    attributes = struct.pack(
        "=QQQ",
        rights,
        _ALL_OF_TCP if version >= _NETWORK_SINCE else 0,
        _ALL_SCOPES if version >= _SCOPES_SINCE else 0,
    )
    # An older kernel takes a shorter one.
    size = 24 if version >= _SCOPES_SINCE else 16 if version >= _NETWORK_SINCE else 8
    ruleset = _call(_CREATE_RULESET, attributes, size, 0)
    try:
        for folder in python_folders():
            _allow_reading(ruleset, folder)
        _call(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def python_folders() -> list[Path]:
    """Return where modules and their libraries lie, which may be imported in the midst of an item."""
    paths = sysconfig.get_paths()
    names = {paths[name] for name in ("stdlib", "platstdlib", "purelib", "platlib")}
    return [Path(__file__).parents[1], *(Path(name) for name in sorted(names))]


def lock_calls() -> None:
    """Refuse the calls that a decoder has no use for. Raises OSError."""
    architecture = _ARCHITECTURES.get(platform.machine())
    if architecture is None:
        raise OSError(ENOSYS, f"not written for {platform.machine()}")
    program = filter_program(architecture, os.getpid())
    code = b"".join(struct.pack("=HBBI", *instruction) for instruction in program)
    buffer = ctypes.create_string_buffer(code, len(code))
    # struct sock_fprog: how many instructions, and where they are
    head = struct.pack("@HP", len(program), ctypes.addressof(buffer))
    if _LIBC.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, head, 0, 0):
        _fail()


def filter_program(architecture: int, pid: int) -> list[Instruction]:
    """Return the filter of the process `pid`, in the kernel's BPF: what is refused fails with EACCES."""
    refuse, allow = (_RETURN, 0, 0, _ERRNO | EACCES), (_RETURN, 0, 0, _ALLOW)
    program: list[Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),  # a call of another architecture, whose numbers mean something else
        (_LOAD, 0, 0, _NUMBER),
    ]
    if architecture == _X86:  # x32 has the same architecture, and numbers from here on
        program += [(_AT_LEAST, 0, 1, 0x40000000), refuse]
    program += [(_EQUAL, 0, 1, _CLONE3), (_RETURN, 0, 0, _ERRNO | ENOSYS)]
    for number in sorted(_REFUSED[architecture].values()):
        program += [(_EQUAL, 0, 1, number), refuse]
    for name, number in _OF_PROCESS[architecture].items():
        zero = (_EQUAL, 0, 1, 0 if name == "prlimit64" else pid)
        program += _where(number, _FIRST, [(_EQUAL, 1, 0, pid), zero, allow, refuse])
    for number, commands in _COMMANDS[architecture].items():
        refused = [step for command in commands for step in ((_EQUAL, 0, 1, command), refuse)]
        program += _where(number, _SECOND, [*refused, allow])
    program += _where(_CLONE[architecture], _FIRST, [(_ANY_BIT, 0, 1, _CLONE_THREAD), allow, refuse])
    return [*program, allow]


def _where(number: int, argument: int, steps: list[Instruction]) -> list[Instruction]:
    """Return `steps`, which end with a verdict, for the call `number`, after its argument is loaded."""
    return [(_EQUAL, 0, len(steps) + 1, number), (_LOAD, 0, 0, argument), *steps]


def _allow_reading(ruleset: int, folder: Path) -> None:
    try:
        descriptor = os.open(folder, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # nothing is imported from there
    try:
        # struct landlock_path_beneath_attr, packed
        rule = struct.pack("=Qi", _READ_FILE | _READ_DIR, descriptor)
        _call(_ADD_RULE, ruleset, _PATH_BENEATH, rule, 0)
    finally:
        os.close(descriptor)


def _call(number: int, *arguments: object) -> int:
    """Return what a call of the kernel returns. Raises OSError."""
    result: int = _LIBC.syscall(number, *(ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        _fail()
    return result


def _fail() -> None:
    number = ctypes.get_errno()
    raise OSError(number, os.strerror(number))
