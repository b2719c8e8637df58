"""From a folder to an image in a registry, built by BuildKit.

Owns what is sent (`context`), what is built (`dockerfile`), how it is run and what came of it (`build`): on a BuildKit
that somebody names, or as a Job of the cluster, with the rights of whoever asks. It deliberately knows no stack file:
what the cluster offers is found in the cluster.
"""
