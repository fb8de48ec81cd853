"""What is loaded (`datasets`) and from where (`files`, `events`)."""
