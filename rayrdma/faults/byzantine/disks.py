"""Why plain shared memory tolerates no Byzantine process: whoever may write every block may rewrite history."""

from __future__ import annotations

import msgspec

from rayrdma.faults.behaviour import Behaviour
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Value
from rayrdma.protocols.disk_paxos import BLOCKS, Block, DiskPaxosTwoPhase

from .generic import ANOTHER


class OverwritesBlocks(Behaviour):
    """Puts another value into every block in which it finds one, on every disk."""

    name = "overwrites-blocks"
    attacks = (DiskPaxosTwoPhase,)

    async def run(self, value: Value) -> None:
        process = self.process
        watch = process.watch()
        while True:
            for disk in process.memories:
                (blocks,) = await process.first(1, [process.read_region(disk, BLOCKS), process.sleep(30)])
                if blocks is None or blocks is NAK:
                    continue  # that disk has crashed, perhaps
                for owner, block in enumerate(blocks):
                    if isinstance(block, Block) and block.bal and block.inp != ANOTHER:
                        process.write(disk, BLOCKS, owner, msgspec.structs.replace(block, inp=ANOTHER))
            await watch.changed()
