"""The command line: one small file a command; everything it does is done by the rooms below."""
