"""What runs in a pod of ours: one file that needs nothing of the platform's own.

It is data here: the library never imports it, a pod runs it from a ConfigMap, and tests as it is.
"""
