"""The same work for embedtool and for each peer, in turn, on the same machine; never in pytest."""
