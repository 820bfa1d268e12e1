"""The queue's policy: who is next, what this machine has room for, and moving on."""
