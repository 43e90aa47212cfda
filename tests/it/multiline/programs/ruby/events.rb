# Writes logs of several events as Ruby services write them: `events.rb KIND.PREFIX`, or `events.rb list`.
#
# A line `%%%% event` comes before each event. Standard output and standard error go to one pipe. `lines.PREFIX` logs each
# line of standard input as an event. Rails and Sidekiq are no
# part of it: their formats are written out below, over the standard Logger and real exceptions.
require "json"
require "logger"
require "pp"
require "rbconfig"
require "stringio"
require "time"

$stdout.sync = true
$stderr.sync = true

def event
  $stdout.write("%%%% event\n")
end

# An output that marks each event: Logger writes an event in one call.
class Marked
  def write(text)
    event
    $stdout.write(text)
  end

  def close; end
end

class Plain
  def info(text)
    event
    puts text
  end

  def error(failure)
    event
    $stdout.write(failure.is_a?(Exception) ? failure.full_message(highlight: false) : "#{failure}\n")
  end
end

def logger_of(prefix)
  return Plain.new if prefix == "none"
  log = Logger.new(Marked.new)
  case prefix
  when "rails" # ActiveSupport's SimpleFormatter: the message alone, below a request's head with its tag
    log.formatter = proc { |_, _, _, text| "#{text.is_a?(Exception) ? rails(text) : text}\n" }
  when "rails-tagged"
    log.formatter = proc do |level, _, _, text|
      "#{level[0]}, [2026-11-29T23:24:42.123456 #4711] #{level.rjust(5)} -- : [6f1c] #{text.is_a?(Exception) ? rails(text) : text}\n"
    end
  when "sidekiq"
    log.formatter = proc do |level, time, _, text|
      text = "#{text.class}: #{text.message}\n#{text.backtrace.join("\n")}" if text.is_a?(Exception)
      "#{time.utc.iso8601(3)} pid=4711 tid=g3k class=OrderJob jid=17 #{level}: #{text}\n"
    end
  when "puma"
    log.formatter = proc { |_, _, _, text| "[4711] #{text.is_a?(Exception) ? "#{text.message} (#{text.class})\n#{text.backtrace.join("\n")}" : text}\n" }
  end
  log
end

# What Rails logs of a failed request.
def rails(error)
  "  \n#{error.class} (#{error.message}):\n  \n#{error.backtrace.join("\n")}"
end

# The failures of a shop.
class OrderError < StandardError; end

def query
  raise KeyError, "no such column: total"
end

def chained
  query
rescue KeyError
  raise OrderError, "order 17 cannot be stored"
end

def statement
  raise OrderError, "syntax error at or near \"FORM\"\nLINE 1: SELECT * FORM orders\n                 ^\n\nhint: FROM"
end

def missing
  nil.total
end

def deep(level)
  deep(level + 1) + 1
end

def unclosed
  eval("def total(\n  1\nend\n", binding, "/srv/app/rules.rb")
end

def nameless
  raise OrderError, ""
end

def grouped
  [1].each { |_| { a: 1 }.each_pair { chained } }
end

CRASHES = {
  "chained" => -> { chained },
  "missing" => -> { missing },
  "statement" => -> { statement },
  "syntax" => -> { unclosed },
  "overflow" => -> { deep(0) },
  "thread" => -> { Thread.new { Thread.current.name = "orders"; chained }.join rescue exit(1) },
  "abort" => -> { abort("order 17:\n  no items\nbye") },
  "warning" => -> { warn("orders.rb:3: warning: order is deprecated\nuse orders", uplevel: 0) },
}.freeze

def failure(work)
  work.call
rescue Exception => error # a stack overflow and a syntax error are no StandardError
  error
end

# A log: lines around one kind of event, the event twice in a row, and once more between other lines.
def around(name)
  work = method(name)
  lambda do |log|
    log.info("order 17 accepted")
    log.error(failure(work))
    log.info("order 17 goes to the dead letters")
    2.times { log.error(failure(work)) }
    log.info("order 18 accepted")
    log.info("order 19 accepted")
    log.error(failure(work))
    log.info("order 20 accepted")
  end
end

# The same for messages of several lines.
def told(*texts)
  lambda do |log|
    log.info("service started in 812 ms")
    texts.each do |text|
      log.info(text)
      log.info("order 18 accepted")
    end
    texts.each { |text| log.info(text) }
    log.info("order 19 accepted")
  end
end

def crashes(*names)
  lambda do |log|
    2.times do
      names.each do |name|
        log.info("worker starts")
        crash(name)
      end
    end
    crash(names.first)
    log.info("no worker is left")
  end
end

def crash(name)
  event
  system(RbConfig.ruby, __FILE__, "crash", name, err: :out)
end

def requests(work)
  lambda do |log|
    3.times do
      log.info("Started GET \"/orders/17\" for 192.0.2.7 at 2026-11-29 23:24:42 +0000")
      log.info("Processing by OrdersController#show as HTML")
      log.info("Completed 500 Internal Server Error in 12ms (ActiveRecord: 1.1ms | Allocations: 1017)")
      log.error(failure(method(work)))
    end
    log.info("Started GET \"/orders/18\" for 192.0.2.7 at 2026-11-29 23:24:43 +0000")
  end
end

ORDER = { "id" => 17, "note" => "brace } in text", "items" => ["[", { "price" => 3 }], "long" => ["a word" * 6] * 2 }.freeze
SQL = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id"
YAML_TEXT = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}"
DIFF = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric"
PARAGRAPHS = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.\n"
QUOTED = "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry"
MAIL = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend"
FULL = ["full message:", failure(method(:chained)).full_message(highlight: false)].join("\n")
COLOURED = "coloured message:\n#{failure(method(:missing)).full_message(highlight: true)}"

KINDS = {
  "flush-frames.logger" => around(:chained),
  "statement.logger" => around(:statement),
  "carets.logger" => around(:missing),
  "syntax.logger" => around(:unclosed),
  "empty-message.logger" => around(:nameless),
  "blocks.logger" => around(:grouped),
  "sql-and-diff.logger" => told(SQL, DIFF),
  "paragraphs-and-quotes.logger" => told(PARAGRAPHS, QUOTED),
  "full-message.logger" => told(FULL, COLOURED),
  "carriage-returns.logger" => told(MAIL, YAML_TEXT),
  "json-and-pp.logger" => told("order:\n#{JSON.pretty_generate(ORDER)}", ORDER.pretty_inspect),
  "request.rails" => requests(:chained),
  "request-statement.rails" => requests(:statement),
  "tagged.rails-tagged" => requests(:missing),
  "tagged-messages.rails-tagged" => told(YAML_TEXT, SQL),
  "job.sidekiq" => around(:chained),
  "job-messages.sidekiq" => told(DIFF, PARAGRAPHS),
  "server.puma" => around(:grouped),
  "uncaught.none" => crashes("chained", "missing"),
  "uncaught-texts.none" => crashes("statement", "syntax"),
  "stack-overflow.none" => crashes("overflow"),
  "thread.none" => crashes("thread", "abort", "warning"),
  "printed.none" => around(:chained),
  "crashes-between.logger" => crashes("missing", "chained"),
}.freeze

lines = ->(log) { $stdin.each_line(chomp: true) { |line| log.info(line) } }

case name = ARGV[0]
when "list" then puts KINDS.keys
when "crash" then CRASHES.fetch(ARGV[1]).call
else (name.start_with?("lines.") ? lines : KINDS.fetch(name)).call(logger_of(name.split(".", 2).last))
end
