"""Options, in frozen dataclasses: the only place of defaults."""
