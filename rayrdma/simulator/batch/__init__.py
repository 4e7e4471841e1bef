"""HBO for up to 100,000 processes: the phases of all of them at once, on arrays.

`kernels` draws what is random and hears messages, `shard` holds some of the processes, `rounds` leads shards through
the phases. None of them knows where the shards are: in this process, or each in an actor of its own.
"""
