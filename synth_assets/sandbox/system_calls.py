"""A machine's architecture in, the kernel's filter of system calls out (seccomp, classic BPF).

The code is one process with one thread: `fork` and `clone` are refused, so a fork bomb ends with
its first fork, as root too, where RLIMIT_NPROC does not hold. Also refused: sockets (not every
family belongs to the network namespace), memory that no limit of the process counts, and parts
of the kernel that a calculation has no business with.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from types import MappingProxyType

_X86_64 = {
    "clone": 56,
    "fork": 57,
    "vfork": 58,
    "socket": 41,
    "shmget": 29,
    "msgget": 68,
    "mq_open": 240,
    "memfd_create": 319,
    "memfd_secret": 447,
    "mount": 165,
    "unshare": 272,
    "setns": 308,
    "ptrace": 101,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "perf_event_open": 298,
    "bpf": 321,
    "userfaultfd": 323,
    "io_uring_setup": 425,
}
_AARCH64 = {
    "clone": 220,
    "socket": 198,
    "shmget": 194,
    "msgget": 186,
    "mq_open": 180,
    "memfd_create": 279,
    "memfd_secret": 447,
    "mount": 40,
    "unshare": 97,
    "setns": 268,
    "ptrace": 117,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "perf_event_open": 241,
    "bpf": 280,
    "userfaultfd": 282,
    "io_uring_setup": 425,
}
_CLONE3 = 435
"""Its flags lie in memory, where a filter cannot look; ENOSYS makes the C library use `clone`."""
_X32_BIT = 0x4000_0000
"""Set in the numbers of x86-64's second interface, by which every call could be made again."""

REFUSED: Mapping[str, tuple[int, Mapping[str, int]]] = MappingProxyType(
    {"x86_64": (0xC000_003E, _X86_64), "aarch64": (0xC000_00B7, _AARCH64)}
)
"""Machine → (the kernel's number of its architecture, system call → number)."""

_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
_NUMBER, _ARCHITECTURE = 0, 4  # places in struct seccomp_data
_ALLOW, _KILL, _ERROR = 0x7FFF_0000, 0x8000_0000, 0x0005_0000
_EPERM, _ENOSYS = 1, 38


def system_call_filter(machine: str) -> bytes:
    """The filter as ``bwrap --seccomp`` reads it. `KeyError` for a machine without one here."""
    architecture, refused = REFUSED[machine]
    program = [
        _step(_LOAD, _ARCHITECTURE),
        _step(_IF_EQUAL, architecture, if_not=0, if_so=1),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER),
        _step(_IF_AT_LEAST, _X32_BIT, if_so=0, if_not=1),
        _step(_RETURN, _ERROR | _EPERM),
        _step(_IF_EQUAL, _CLONE3, if_so=0, if_not=1),
        _step(_RETURN, _ERROR | _ENOSYS),
    ]
    for number in refused.values():
        program += [
            _step(_IF_EQUAL, number, if_so=0, if_not=1),
            _step(_RETURN, _ERROR | _EPERM),
        ]
    return b"".join([*program, _step(_RETURN, _ALLOW)])


def _step(code: int, value: int, *, if_so: int = 0, if_not: int = 0) -> bytes:
    """struct sock_filter: what to do, how many steps to skip where it holds or not, the value."""
    return struct.pack("=HBBI", code, if_so, if_not, value)
