"""Clips: some seconds before and after a read, cut from what the camera sent, on the centre's request.

cmd -> desk (accepts, waits for the seconds after) -> ring.cut -> mp4 (remuxed, nothing re-encoded) -> spool
"""
