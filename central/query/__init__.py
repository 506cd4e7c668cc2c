"""Questions to the archive and to the hot rows, answered as one."""
