"""The verbs transport: memories that processes operate on through an RDMA device, hardware or software.

`agent` has how queue pairs are split and what revokes a permission, `layout` how registers stay whole, `lines` what a
completion means. Importing this package imports no pyverbs; `here.open_device` does.
"""
