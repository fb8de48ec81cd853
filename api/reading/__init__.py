"""Reading exactly what a selection asks for, in a number of statements that does not grow."""
