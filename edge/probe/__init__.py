"""`python -m edge probe`: what an installer needs to know of a camera before leaving the pole."""
