"""Pictures: scenes, drawn by matplotlib or in characters."""
