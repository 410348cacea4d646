"""Pure decisions: frozen data and functions over it. Standard library only, no I/O, no clock."""
