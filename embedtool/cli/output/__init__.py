"""What commands print: tables, JSON, figures and progress."""
