"""Training on a Ray cluster: what one machine does, by functions that run wherever there is room.

Every step is a function of its arguments, which are in Ray's object store: Ray finds a core for it
and spills what does not fit. What is lost with a process or a node is recomputed to equal bytes.
"""
