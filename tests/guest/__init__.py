"""Machines with a software RDMA device, for tests of the verbs transport: no hardware, no KVM, nothing installed.

Theory of operation
-------------------

**What it is.** A *guest* is a Linux that this machine runs as one of its processes: QEMU, which emulates every
instruction (slow, any number of CPUs), or User-Mode Linux (near native speed, one CPU). Its kernel has ``rdma_rxe``,
the RDMA device in software, which a kernel without that module cannot load from outside.

**What it sees.** The root of this machine, read-only, under an overlay in RAM: so the checkout and its ``.venv`` are
simply there, at the same paths, and what the guest writes vanishes with it. Between the two lies the *layer*:
Debian's libibverbs, its providers and pyverbs, unpacked, not installed.

**How it is made** (``build``, with ``debian``, ``initramfs`` and ``vmlinux``). From Debian packages alone, in ten
seconds, into ``~/.cache/rayrdma/guest-<key>``. The key covers the packages' versions and the scripts that make it; a
folder takes its name when it is complete, and is held by a lock as long as a guest runs from it. User-Mode Linux is a
kernel that must be compiled (``uml``, about 200 s), so it is made on request only and lies in a folder of its own.

**What it need not compile** (``compiled``). Numba's kernels, for any x86-64, and our byte code are compiled before it
boots: an emulated processor takes half a minute where this one takes two seconds.

**How it is driven** (``run``). Everything goes through one *port*, a socket to the runner: the guest's first process
ends as a shell that reads it. The runner writes first the set-up (environment, network, device) and then one line a
command; what comes back is the output, and after a command a NUL and its exit status (the first of these says that the
guest is up). The kernel's own messages go to a file that has no name, and are shown when a guest dies. There is no file
and no folder to share, so there is none to leave behind: sockets are handed over as descriptors, and the machine dies
with its runner, even if that is killed (``PR_SET_PDEATHSIG``; a shell that reads end-of-file from its port ends its
guest as well).

**Two machines** (``cable``). Two QEMU guests with an Ethernet cable between them, which is a pair of connected
sockets. The runner pulls the plug of either and puts it back by QEMU's monitor; a machine is killed with SIGKILL, as a
power cut would.

    python -m tests.guest build                                  # QEMU's guest; --uml makes the other kernel
    python -m tests.guest run -- 'rdma link; ibv_devinfo'        # boots, runs, exits with the command's status
    python -m tests.guest test                                   # what `make test-verbs` runs
"""


class GuestError(Exception):
    """What went wrong with a guest, in one line for people."""
