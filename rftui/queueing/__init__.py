"""The queue of a home: runs wait for GPUs or slots of this machine, in order. Nothing about it lives in memory only."""
