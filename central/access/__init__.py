"""Who may look, and every look accountable."""
