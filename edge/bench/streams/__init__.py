"""How many cameras a core takes: a real box on real RTSP streams, its processor time against plain decoding.

footage (clips with noise, encoded anew) -> simulated cameras -> the box -> spool
   |                                        (a process each)      +-> its processor time, memory, reads
   +-> decoded alone: the baseline
   +-> every frame analysed: what can be read
"""
