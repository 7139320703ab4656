"""What commands print: tables, JSON, TSV, pictures, progress."""
