"""The memory semantics of the model, held against the simulated memory and against each transport.

`party` says what a process does in these tests, `scripts` what it does in each of them. `arms` and its
neighbours say where it runs: in the simulator, as a process over shared memory, as an actor over Ray's channels, as a
process with an RDMA device.
"""
