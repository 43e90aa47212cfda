# shellcheck shell=sh
# Writes numbered events, in JSON or as Spring Boot with stack traces, rotates by renaming, and writes a last one on SIGTERM.
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

json() {
    echo "{\"time\":\"$now\",\"level\":\"info\",\"message\":\"$1\",\"seq\":$seq,\"email\":\"ada@example.org\",\"password\":\"hunter$seq\"}"
}

# Every fifth event fails.
spring() {
    if [ $((seq % 5)) -ne 0 ]; then
        echo "$now  INFO 1 --- [           main] c.e.shop.Orders : $1 seq=$seq"
        return
    fi
    echo "$now ERROR 1 --- [           main] c.e.shop.Orders : $1 seq=$seq"
    echo "java.lang.IllegalStateException: order $seq cannot be stored"
    printf '\tat com.example.shop.Orders.place(Orders.java:42)\n\tat com.example.shop.Main.main(Main.java:7)\n'
    echo "Caused by: java.io.IOException: no stock for order $seq"
    printf '\tat com.example.shop.Stock.take(Stock.java:17)\n\t... 2 common frames omitted\n'
}

step() {
    now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
    end=$((seq + RATE / 10))
    [ "$TOTAL" -eq 0 ] || [ "$end" -le "$TOTAL" ] || end=$TOTAL
    while [ "$seq" -lt "$end" ]; do
        seq=$((seq + 1))
        "$FORMAT" "order placed"
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
now=$(date -u +%Y-%m-%dT%H:%M:%SZ)
"$FORMAT" "the last word" >> "$LOG"
echo "wrote $seq lines"
