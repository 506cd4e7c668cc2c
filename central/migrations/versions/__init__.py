"""One file a step. A step never imports the tables of today: it is frozen once released."""
