"""Training on a Ray cluster: what one machine does, by functions that run wherever there is room.

In: a corpus that all nodes can read, an algorithm, its options. Out: the model.

Every step is a function of its arguments, which lie in Ray's object store: Ray finds a core for it
and spills what does not fit. What is lost with a process or a node it works out again, to the same
bytes.
"""
