"""What vectors say about language: alignment, drift, translation, bias, neighbours."""
