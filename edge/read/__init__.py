"""What a plate says."""
