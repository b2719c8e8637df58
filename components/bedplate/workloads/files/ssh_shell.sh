#!/bin/sh
# The best shell that the image has, as a login shell unless it is given a command.
[ $# -gt 0 ] || set -- -l
command -v bash > /dev/null && exec bash "$@"
exec sh "$@"
