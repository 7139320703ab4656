"""Training on a Ray cluster, as functions that run on any node.

Every step is a function of its arguments, which are in Ray's object store: Ray schedules it on a
core and spills objects that do not fit. Objects lost with a process or a node are recomputed to
equal bytes.
"""
