"""Tables derived from datasets once per run and shared by indicators (catalogue 1.20)."""
