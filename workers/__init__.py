"""Work done ahead: what is due, who does it, and that it is done once and whole."""
