"""Agreement over RDMA: one protocol source, run in a simulator and on Ray actors."""
