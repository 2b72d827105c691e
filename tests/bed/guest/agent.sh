#!/bin/sh
# Runs commands for the tests: requests come in on a serial line, one a line,
#     ID BASE64(shell command)
# and are answered on it, in whatever order they end, one a line:
#     @@DONE ID STATUS BASE64(output, 400 kB at most)
# Each request has its own shell, so an NFS call that hangs does not block the line.
line=$1
stty -F "$line" raw -echo
# shellcheck disable=SC2094  # a terminal line, not a file
exec 8<"$line" 9>"$line"
echo "@@UP $(uname -r)" >&9
while read -r id encoded <&8; do
    [ -n "$encoded" ] || continue
    (
        command=$(printf '%s' "$encoded" | base64 -d)
        sh -c "$command" >"/run/$id.output" 2>&1 8<&- 9>&- </dev/null
        status=$?
        answer="@@DONE $id $status $(head -c 400000 "/run/$id.output" | base64 -w0)"
        rm -f "/run/$id.output"
        (flock 7 && printf '%s\n' "$answer" >&9) 7>/run/answers.lock
    ) &
done
echo o >/proc/sysrq-trigger
sleep 5
