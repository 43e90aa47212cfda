# shellcheck shell=sh
# Writes numbered lines of JSON, rotates by renaming, and writes a last line on SIGTERM.
seq=0
stop=
trap 'stop=1' TERM INT

rotate() {
    n=$KEEP
    while [ "$n" -gt 1 ]; do
        [ ! -e "$LOG.$((n - 1))" ] || mv "$LOG.$((n - 1))" "$LOG.$n"
        n=$((n - 1))
    done
    [ ! -e "$LOG" ] || mv "$LOG" "$LOG.1"
}

step() {
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    end=$((seq + RATE / 10))
    [ "$TOTAL" -eq 0 ] || [ "$end" -le "$TOTAL" ] || end=$TOTAL
    while [ "$seq" -lt "$end" ]; do
        seq=$((seq + 1))
        echo "{\"time\":\"$now\",\"level\":\"info\",\"message\":\"order placed\",\"seq\":$seq,\"email\":\"ada@example.org\",\"password\":\"hunter$seq\"}"
    done >> "$LOG"
    if [ $((seq / ROTATE)) -ne $(((seq - RATE / 10) / ROTATE)) ]; then
        rotate
    fi
}

while [ -z "$stop" ] && { [ "$TOTAL" -eq 0 ] || [ "$seq" -lt "$TOTAL" ]; }; do
    step
    sleep 0.1
done
seq=$((seq + 1))
echo "{\"level\":\"info\",\"message\":\"the last word\",\"seq\":$seq}" >> "$LOG"
echo "wrote $seq lines"
