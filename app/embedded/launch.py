"""Run as a program: become the wanted account, tie the own life to the parent's, become the server.

    launch.py SIGNAL PARENT ACCOUNT REACH PROGRAM ARGUMENT...

SIGNAL   number of the signal that the kernel sends to the server when the parent is gone
PARENT   process id of the parent; when it is gone already, nothing is started
ACCOUNT  "UID:GID" to run as, or "-" to stay who one is
REACH    "closed" when directories above the data let nobody else pass: the server then keeps one
         capability (CAP_DAC_OVERRIDE), instead of the directories being opened for everybody

It imports nothing of the product and runs with `-I -S`, which takes about 10 ms.
"""

import ctypes
import os
import sys

_PR_SET_PDEATHSIG = 1
_PR_SET_SECUREBITS = 28
_PR_CAP_AMBIENT = 47
_PR_CAP_AMBIENT_RAISE = 2
# Leave capabilities alone when the account changes, also inside access(2).
_SECBIT_NO_SETUID_FIXUP = 1 << 2
_CAP_DAC_OVERRIDE = 1
_CAPABILITY_VERSION_3 = 0x20080522


def _become(account: str, reach: str) -> None:
    uid, gid = (int(part) for part in account.split(":"))
    libc = ctypes.CDLL(None, use_errno=True)
    keep = reach == "closed" and sys.platform == "linux"
    if keep:
        libc.prctl(_PR_SET_SECUREBITS, _SECBIT_NO_SETUID_FIXUP, 0, 0, 0)
    os.setgroups([])
    os.setgid(gid)
    os.setuid(uid)
    if keep:
        bit = 1 << _CAP_DAC_OVERRIDE
        header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
        sets = (ctypes.c_uint32 * 6)(bit, bit, bit, 0, 0, 0)
        if libc.capset(header, sets) or libc.prctl(
            _PR_CAP_AMBIENT, _PR_CAP_AMBIENT_RAISE, _CAP_DAC_OVERRIDE, 0, 0
        ):
            sys.exit("this machine does not let root keep CAP_DAC_OVERRIDE for its server")


def main() -> None:
    """Replace this process by the server."""
    signal_number, parent, account, reach, program = sys.argv[1:6]
    if account != "-":
        _become(account, reach)
    if sys.platform == "linux":
        # After the change of account: changing it clears this setting.
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, int(signal_number), 0, 0, 0)
    if os.getppid() != int(parent):
        sys.exit("the process that wanted this server is gone")
    os.execv(program, sys.argv[5:])  # noqa: S606 - becoming the named server is its purpose


if __name__ == "__main__":
    main()
