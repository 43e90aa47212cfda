// Writes logs of several events as Go services write them: `events KIND.PREFIX`, or `events list`.
//
// A line `%%%% event` comes before each event. Standard output and standard error go to one pipe.
// `lines.PREFIX` logs each line of standard input as an event.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"log"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/pkg/errors"
	"github.com/sirupsen/logrus"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
)

// A logger writes a line, and an error with whatever it appends to one.
type logger struct {
	info func(text string)
	fail func(text string, err error)
}

func event() { os.Stdout.WriteString("%%%% event\n") }

// marked writes the marker before each event: the loggers here write an event in one call.
type marked struct{}

func (marked) Write(bytes []byte) (int, error) {
	event()
	return os.Stdout.Write(bytes)
}

func (marked) Sync() error { return nil }

// between writes the marker after an event, for the one that the runtime writes next.
type between struct{}

func (between) Write(bytes []byte) (int, error) {
	defer event()
	return os.Stdout.Write(bytes)
}

func zapLog(configuration zapcore.EncoderConfig, options ...zap.Option) logger {
	core := zapcore.NewCore(zapcore.NewConsoleEncoder(configuration), marked{}, zap.InfoLevel)
	log := zap.New(core, options...)
	return logger{
		info: func(text string) { log.Info(text, zap.Int("order", 17)) },
		fail: func(text string, err error) { log.Error(text, zap.Error(err)) },
	}
}

func logrusLog(colours bool) logger {
	log := logrus.New()
	log.SetOutput(marked{})
	log.SetFormatter(&logrus.TextFormatter{ForceColors: colours, FullTimestamp: true})
	return logger{
		info: func(text string) { log.WithField("order", 17).Info(text) },
		fail: func(text string, err error) { log.WithField("order", 17).Errorf("%s: %+v", text, err) },
	}
}

func loggerOf(prefix string) logger {
	switch prefix {
	case "zap":
		return zapLog(zap.NewProductionEncoderConfig(), zap.AddCaller(), zap.AddStacktrace(zap.ErrorLevel))
	case "zap-development":
		return zapLog(zap.NewDevelopmentEncoderConfig(), zap.AddCaller(), zap.AddStacktrace(zap.WarnLevel))
	case "logrus":
		return logrusLog(false)
	case "logrus-colours":
		return logrusLog(true)
	case "slog":
		log := slog.New(slog.NewTextHandler(marked{}, nil))
		return logger{
			info: func(text string) { log.Info(text, "order", 17) },
			fail: func(text string, err error) { log.Error(text, "err", err) },
		}
	case "slog-default":
		log.SetOutput(marked{})
		return logger{
			info: func(text string) { slog.Info(text, "order", 17) },
			fail: func(text string, err error) { slog.Error(fmt.Sprintf("%s: %+v", text, err)) },
		}
	case "log":
		log := log.New(marked{}, "", log.LstdFlags)
		return logger{
			info: func(text string) { log.Print(text) },
			fail: func(text string, err error) { log.Printf("%s: %+v", text, err) },
		}
	}
	return logger{
		info: func(text string) { fmt.Fprintln(marked{}, text) },
		fail: func(text string, err error) { fmt.Fprintf(marked{}, "%s: %+v\n", text, err) },
	}
}

// The failures of a shop.

func query() error { return errors.New("no such column: total") }

func wrapped() error {
	return errors.Wrap(errors.Wrap(query(), "query failed"), "order 17 cannot be stored")
}

func statement() error {
	return fmt.Errorf("order 17: %w", errors.New("syntax error at or near \"FORM\"\nLINE 1: SELECT * FORM orders\n                 ^"))
}

func joined() error {
	return fmt.Errorf("3 checks failed:\n%w", joinedPlain())
}

func joinedPlain() error {
	return &many{[]string{"stock: too few apples", "address: empty\n  street\n  town", "payment: refused"}}
}

type many struct{ texts []string }

func (m *many) Error() string { return strings.Join(m.texts, "\n") }

type order struct{ id int }

func (o *order) total() int { return o.id }

func deep(level int) int {
	var frame [64]int
	frame[level%64] = deep(level + 1)
	return frame[0]
}

// Programs that end by a failure of their own.
var crashes = map[string]func(){
	"panic": func() { panic("order 17 has no items") },
	"lines": func() { panic(errors.New("order 17:\nno items\n\n  no address")) },
	"nil":   func() { var o *order; fmt.Println(o.total()) },
	"goroutine": func() {
		var group sync.WaitGroup
		group.Add(1)
		go func() { defer group.Done(); panic(query()) }()
		group.Wait()
	},
	"repanic": func() {
		defer func() { panic(fmt.Sprint("while cleaning up: ", recover())) }()
		panic("order 17 has no items")
	},
	"repanicked": func() {
		defer func() { panic(recover()) }()
		panic("order 17 has no items")
	},
	"deadlock": func() { var lock sync.Mutex; lock.Lock(); lock.Lock() },
	"maps": func() {
		shared := map[int]int{}
		for n := 0; n < 4; n++ {
			go func() {
				for {
					shared[1]++
				}
			}()
		}
		time.Sleep(time.Minute)
	},
	"overflow": func() { debug.SetMaxStack(1 << 16); deep(0) },
	"quit": func() {
		go func() { select {} }()
		time.AfterFunc(200*time.Millisecond, func() { syscall.Kill(os.Getpid(), syscall.SIGQUIT) })
		time.Sleep(time.Minute)
	},
	"fatal": func() { log.SetOutput(between{}); log.Panic("order 17:\n\tno items") },
}

// around is a log: lines around one kind of event, the event twice in a row, and once more between other lines.
func around(work func() error) func(logger) {
	return func(log logger) {
		log.info("order 17 accepted")
		log.fail("order 17 failed", work())
		log.info("order 17 goes to the dead letters")
		log.fail("order 17 failed", work())
		log.fail("order 17 failed", work())
		log.info("order 18 accepted")
		log.info("order 19 accepted")
		log.fail("order 19 failed", work())
		log.info("order 20 accepted")
	}
}

// told is the same for messages of several lines.
func told(texts ...string) func(logger) {
	return func(log logger) {
		log.info("service started in 812 ms")
		for _, text := range texts {
			log.info(text)
			log.info("order 18 accepted")
		}
		for _, text := range texts {
			log.info(text)
		}
		log.info("order 19 accepted")
	}
}

// crashing writes lines, and between them starts programs that fail.
func crashing(names ...string) func(logger) {
	return func(log logger) {
		for turn := 0; turn < 2; turn++ {
			for _, name := range names {
				log.info("worker starts")
				crash(name)
			}
		}
		crash(names[0])
		log.info("no worker is left")
	}
}

func crash(name string) {
	event()
	child := exec.Command(os.Args[0], "crash", name)
	child.Stdout, child.Stderr = os.Stdout, os.Stdout
	_ = child.Run()
}

// served lets net/http report the panic of a handler.
func served(logger logger) {
	log.SetOutput(marked{})
	handler := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("order 17:\nno items") })
	server := httptest.NewServer(handler)
	defer server.Close()
	for turn := 0; turn < 3; turn++ {
		logger.info("request accepted")
		_, _ = http.Get(server.URL)
		logger.info("request failed")
	}
}

// recovered writes the stack of a panic that it survived.
func recovered(log logger) {
	for turn := 0; turn < 3; turn++ {
		log.info("order 17 accepted")
		func() {
			defer func() { log.info(fmt.Sprintf("recovered: %v\n%s", recover(), debug.Stack())) }()
			panic("order 17 has no items")
		}()
		log.info("order 17 goes to the dead letters")
	}
}

// dumped writes all goroutines within one event.
func dumped(log logger) {
	go func() { select {} }()
	for turn := 0; turn < 3; turn++ {
		var text strings.Builder
		_ = pprof.Lookup("goroutine").WriteTo(&text, 2)
		log.info("slow order, all goroutines:\n" + text.String())
		log.info("order 18 accepted")
	}
}

// mixed writes unstamped lines between stamped ones: each is an event.
func mixed(log logger) {
	for turn := 0; turn < 3; turn++ {
		log.info("order 17 accepted")
		fmt.Fprintf(marked{}, "debug: cart=%v\n", []int{1, 2, 3})
		fmt.Fprintln(marked{}, "step 2")
	}
	crash("nil")
	log.info("order 18 accepted")
}

func indented() string {
	text, _ := json.MarshalIndent(map[string]any{"id": 17, "note": "brace } in text", "items": []any{"[", map[string]int{"price": 3}}}, "", "\t")
	return string(text)
}

// objects prints JSON over several lines, with no head at all.
func objects(log logger) {
	for turn := 0; turn < 3; turn++ {
		log.info(indented())
		log.info("order 17 accepted")
	}
	log.info(indented())
	log.info(indented())
}

const (
	sql        = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id"
	yaml       = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}"
	diff       = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric"
	paragraphs = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost."
	quoted     = "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry"
	mail       = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend"
)

type kind struct {
	name  string
	write func(logger)
}

var kinds = []kind{
	{"stack.zap", around(query)},
	{"message-and-fields.zap", told(sql, paragraphs)},
	{"quoted-stack.zap", recovered},
	{"wrapped.zap-development", around(wrapped)},
	{"goroutines.zap-development", dumped},
	{"messages-between-stacks.log", around(wrapped)},
	{"statement.log", around(statement)},
	{"handler-panic.log", served},
	{"mixed-prints.log", mixed},
	{"joined.slog-default", around(joined)},
	{"newlines.slog-default", told(yaml, diff)},
	{"escaped.slog", told(sql, yaml)},
	{"panics-between.slog", crashing("panic", "lines", "nil")},
	{"wrapped-escaped.logrus", around(wrapped)},
	{"fatal-errors-between.logrus", crashing("deadlock", "maps")},
	{"coloured.logrus-colours", told(diff, quoted)},
	{"fields-after-stack.logrus-colours", around(wrapped)},
	{"carriage-returns.logrus-colours", told(mail, paragraphs)},
	{"panics.none", crashing("panic", "lines", "goroutine")},
	{"repanics.none", crashing("repanic", "repanicked", "nil")},
	{"stack-overflow.none", crashing("overflow")},
	{"quit.none", crashing("quit")},
	{"logged-panic.log", crashing("fatal")},
	{"json.none", objects},
	{"json-in-message.log", told("order:\n"+indented(), sql)},
}

func lines(log logger) {
	for input := bufio.NewScanner(os.Stdin); input.Scan(); {
		log.info(input.Text())
	}
}

func main() {
	switch name := os.Args[1]; name {
	case "list":
		for _, kind := range kinds {
			fmt.Println(kind.name)
		}
	case "crash":
		crashes[os.Args[2]]()
	default:
		log := loggerOf(name[strings.Index(name, ".")+1:])
		if strings.HasPrefix(name, "lines.") {
			lines(log)
		}
		for _, kind := range kinds {
			if kind.name == name {
				kind.write(log)
			}
		}
	}
}
