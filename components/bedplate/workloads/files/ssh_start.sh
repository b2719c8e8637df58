# Starts the SSH server of the image, then becomes the program of the workspace. Run as: sh ssh_start.sh PROGRAM...
set -u
settings=$(dirname "$0")
server=$(PATH="$PATH:/usr/sbin:/usr/local/sbin:/sbin" command -v sshd)
if [ -z "$server" ]; then
  echo "bedplate: nobody gets in by SSH: the image has no sshd (Debian: apt-get install openssh-server)" >&2
else
  host_key="$HOME/.ssh/bedplate_host_ed25519_key"
  mkdir -p "$HOME/.ssh" && chmod 700 "$HOME/.ssh"
  [ -s "$host_key" ] || ssh-keygen -q -t ed25519 -N "" -C workspace -f "$host_key"
  # Who comes in finds the variables of the container. The server gives those that it is told, in one line.
  folder=$(mktemp -d) && (
    umask 077
    cat "$settings/sshd_config"
    echo "HostKey $host_key"
    awk 'BEGIN {
      printf "SetEnv \"BEDPLATE_SSH=true\""
      for (name in ENVIRON) {
        value = ENVIRON[name]
        if (name !~ /^[A-Za-z_][A-Za-z0-9_]*$/ || value ~ /[\n\r]/) continue
        gsub(/[\\"]/, "\\\\&", value)
        printf " \"%s=%s\"", name, value
      }
      print ""
    }'
  ) > "$folder/sshd_config"
  (
    while :; do
      "$server" -D -e -f "$folder/sshd_config"
      sleep 5
    done
  ) &
fi
exec "$@"
