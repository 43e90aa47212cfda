<?php
// Writes logs of several events as PHP services write them: `events.php KIND.PREFIX`, or `events.php list`.
//
// A line `%%%% event` comes before each event. Standard output and standard error go to one pipe. `lines.PREFIX` logs each line
// of standard input as an event. Monolog is no part of it:
// the format of its LineFormatter (with newlines allowed and traces included) is written out below, over real exceptions.

function event(): void
{
    fwrite(STDOUT, "%%%% event\n");
}

class OrderException extends RuntimeException
{
}

class Order
{
    private array $items = ['apple', ['price' => 3]];
    protected ?string $note = "brace } in text";
    public int $id = 17;
}

// A logger of a prefix: one function, with the level, the text and perhaps an exception.
function logger_of(string $prefix): Closure
{
    $stamp = fn(string $format) => date($format);
    return match ($prefix) {
        'monolog', 'laravel' => function (string $level, string $text, ?Throwable $error = null) use ($prefix, $stamp) {
            event();
            $head = $prefix === 'laravel' ? $stamp('[Y-m-d H:i:s]') . ' production.' : $stamp('[Y-m-d\TH:i:s.uP]') . ' orders.';
            $context = $error === null ? '{"order":17} []' : '{"exception":"' . normalized($error) . '"} ' . ($prefix === 'laravel' ? '' : '[]');
            fwrite(STDOUT, "$head$level: $text $context\n");
        },
        'error_log', 'error_log-both' => function (string $level, string $text, ?Throwable $error = null) {
            event();
            // With a file, error_log writes a stamp before the text; the file here is the pipe.
            ini_set('error_log', '/dev/stdout');
            error_log($error === null ? $text : "$text: $error");
        },
        'fpm' => function (string $level, string $text, ?Throwable $error = null) use ($stamp) {
            event();
            fwrite(STDOUT, $stamp('[d-M-Y H:i:s]') . " $level: $text" . ($error === null ? '' : "\n$error") . "\n");
        },
        default => function (string $level, string $text, ?Throwable $error = null) {
            event();
            fwrite(STDOUT, ($error === null ? $text : (string) $error) . "\n");
        },
    };
}

// How Monolog's LineFormatter writes an exception with `includeStacktraces`.
function normalized(Throwable $error): string
{
    $text = '[object] (' . get_class($error) . '(code: ' . $error->getCode() . '): ' . $error->getMessage() . ' at '
        . $error->getFile() . ':' . $error->getLine() . ")\n[stacktrace]\n" . $error->getTraceAsString() . "\n";
    for ($cause = $error->getPrevious(); $cause !== null; $cause = $cause->getPrevious()) {
        $text .= "\n[previous exception] [object] (" . get_class($cause) . '(code: ' . $cause->getCode() . '): ' . $cause->getMessage()
            . ' at ' . $cause->getFile() . ':' . $cause->getLine() . ")\n[stacktrace]\n" . $cause->getTraceAsString() . "\n";
    }
    return $text;
}

// The failures of a shop.

function query(string $text): never
{
    throw new InvalidArgumentException($text, 42);
}

function chained(): never
{
    try {
        try {
            query('no such column: total');
        } catch (InvalidArgumentException $error) {
            throw new LogicException('query failed', 0, $error);
        }
    } catch (LogicException $error) {
        throw new OrderException('order 17 cannot be stored', 7, $error);
    }
}

function statement(): never
{
    throw new OrderException("syntax error at or near \"FORM\"\nLINE 1: SELECT * FORM orders\n                 ^\n\nhint: FROM");
}

function typed(): int
{
    return array_sum(array_map(fn(int $price) => $price * 2, ['apple']));
}

function nameless(): never
{
    throw new OrderException();
}

function generator(): Generator
{
    yield 1;
    chained();
}

function yielded(): void
{
    iterator_to_array(generator());
}

function warned(): void
{
    $order = [];
    echo $order['total'];
}

function exhausted(): void
{
    ini_set('memory_limit', '4M');
    $all = [];
    while (true) {
        $all[] = str_repeat('x', 100000);
    }
}

// Programs that end by a failure of their own, with the settings of PHP that decide what is printed.
const LOGGED = ['-d', 'log_errors=1', '-d', 'display_errors=0', '-d', 'error_log=/dev/stdout', '-d', 'html_errors=0'];
const BOTH = ['-d', 'log_errors=1', '-d', 'display_errors=1', '-d', 'html_errors=0'];
const DISPLAYED = ['-d', 'log_errors=0', '-d', 'display_errors=1', '-d', 'html_errors=0'];

function crash(string $work, array $settings): void
{
    event();
    $command = array_merge([PHP_BINARY], $settings, [__FILE__, 'crash', $work]);
    if ($settings !== BOTH) {
        proc_close(proc_open($command, [1 => STDOUT, 2 => STDOUT], $pipes));
        return;
    }
    // An error that is logged and shown is two events: the log's comes first.
    $child = proc_open($command, [1 => ['pipe', 'w'], 2 => ['pipe', 'w']], $pipes);
    [$shown, $logged] = [stream_get_contents($pipes[1]), stream_get_contents($pipes[2])];
    proc_close($child);
    fwrite(STDOUT, $logged);
    event();
    fwrite(STDOUT, $shown);
}

function failure(string $work): Throwable
{
    try {
        $work();
    } catch (Throwable $error) {
        return $error;
    }
}

// A log: lines around one kind of event, the event twice in a row, and once more between other lines.
function around(string $work): Closure
{
    return function (Closure $log) use ($work) {
        $log('INFO', 'order 17 accepted');
        $log('ERROR', 'order 17 failed', failure($work));
        $log('INFO', 'order 17 goes to the dead letters');
        $log('ERROR', 'order 17 failed', failure($work));
        $log('ERROR', 'order 17 failed', failure($work));
        $log('INFO', 'order 18 accepted');
        $log('INFO', 'order 19 accepted');
        $log('ERROR', 'order 19 failed', failure($work));
        $log('INFO', 'order 20 accepted');
    };
}

// The same for messages of several lines.
function told(string ...$texts): Closure
{
    return function (Closure $log) use ($texts) {
        $log('INFO', 'service started in 812 ms');
        foreach ($texts as $text) {
            $log('INFO', $text);
            $log('INFO', 'order 18 accepted');
        }
        foreach ($texts as $text) {
            $log('WARNING', $text);
        }
        $log('INFO', 'order 19 accepted');
    };
}

function crashes(array $settings, string ...$works): Closure
{
    return function (Closure $log) use ($settings, $works) {
        for ($turn = 0; $turn < 2; $turn++) {
            foreach ($works as $work) {
                $log('INFO', 'worker starts');
                crash($work, $settings);
            }
        }
        crash($works[0], $settings);
        $log('INFO', 'no worker is left');
    };
}

function dumped(): string
{
    ob_start();
    var_dump(new Order());
    return "order:\n" . ob_get_clean();
}

const SQL = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id";
const YAML = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}";
const DIFF = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric";
const PARAGRAPHS = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.";
const QUOTED = "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry";
const MAIL = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend";

date_default_timezone_set('UTC');
$order = ['id' => 17, 'note' => 'brace } in text', 'items' => ['[', ['price' => 3]], 'empty' => (object) []];
$kinds = [
    'chained.monolog' => around('chained'),
    'statement.monolog' => around('statement'),
    'type-error.monolog' => around('typed'),
    'sql-message.monolog' => told(SQL, PARAGRAPHS),
    'quoted-lines.monolog' => told(QUOTED, DIFF),
    'yielded.laravel' => around('yielded'),
    'json.laravel' => told("order:\n" . json_encode($order, JSON_PRETTY_PRINT), YAML),
    'next.error_log' => around('chained'),
    'empty-message.error_log' => around('nameless'),
    'fatal.error_log' => crashes(LOGGED, 'chained', 'statement'),
    'warnings.error_log' => crashes(LOGGED, 'warned', 'typed', 'exhausted'),
    'print_r.error_log' => told("order:\n" . print_r($order, true), SQL),
    'carriage-returns.error_log' => told(MAIL, DIFF),
    'pool.fpm' => around('yielded'),
    'pool-messages.fpm' => told(YAML, PARAGRAPHS),
    'shown.none' => crashes(DISPLAYED, 'chained', 'statement'),
    'logged-and-shown.none' => crashes(BOTH, 'chained', 'warned'),
    'shown-warnings.none' => crashes(DISPLAYED, 'warned', 'typed', 'exhausted'),
    'printed.none' => around('chained'),
    'var_dump.none' => told(dumped(), "order: " . var_export($order, true)),
];
function lines(Closure $log): void
{
    while (($line = fgets(STDIN)) !== false) {
        $log('INFO', rtrim($line, "\n"));
    }
}

switch ($name = $argv[1]) {
    case 'list':
        echo implode("\n", array_keys($kinds)), "\n";
        break;
    case 'crash':
        $argv[2]();
        break;
    default:
        $kind = str_starts_with($name, 'lines.') ? 'lines' : $kinds[$name];
        $kind(logger_of(explode('.', $name, 2)[1]));
}
