"""Training on a Ray cluster: the same work as functions that run on any node.

Every step is a function of its arguments, which are in Ray's object store: Ray finds a core for it
and spills what does not fit. What is lost with a process or a node is recomputed to equal bytes.
"""
