"""Other people's plate readers, behind one port: measured in the same run on the same pictures, never needed."""
