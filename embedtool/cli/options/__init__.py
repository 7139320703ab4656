"""What commands share of their command lines: options, how they are read and checked."""
