"""Options, in frozen dataclasses: the only place where a default is written."""
