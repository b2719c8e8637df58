"""What runs in pods of ours: single files that need nothing of the platform's own.

They are data here: the library never imports them, pods run them from a ConfigMap, and tests as they are.
"""
