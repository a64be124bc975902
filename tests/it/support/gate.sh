#!/bin/sh
# A gate: reports its start, then waits for the code to exit with. Usage: gate NAME
PATH=/usr/bin:/bin
directory=${0%/*}
answer="$directory/answer.$$"
mkfifo "$answer" || exit 98
# Open for both: neither side waits for the other to open.
exec 3<> "$answer"
trap 'echo "ended $$ $1" > "$directory/events"; rm -f "$answer"; exit 143' TERM
trap 'echo "ended $$ $1" > "$directory/events"; rm -f "$answer"; exit 130' INT
echo "started $$ $1" > "$directory/events"
read -r code <&3
rm -f "$answer"
exit "$code"
