"""What beside the stream's own packets says that something moves: the camera's motion events, a small second stream."""
