"""What a piece of work does, one module per kind; each runs in a process of its own."""
