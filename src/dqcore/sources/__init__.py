"""What comes in: Arrow from memory, files, and (each a module of its own) the messages of clinical systems."""
