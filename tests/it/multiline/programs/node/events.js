// Writes logs of several events as Node services write them: `events.js KIND.PREFIX`, or `events.js list`.
//
// A line `%%%% event` comes before each event. Standard output and standard error go to one pipe.
// `lines.PREFIX` logs each line of standard input as an event.
"use strict";

const fs = require("node:fs");
const util = require("node:util");
const { spawnSync } = require("node:child_process");
const { Writable } = require("node:stream");
const path = require("node:path");

const write = (text) => fs.writeSync(1, text);
const event = () => write("%%%% event\n");

// A stream that marks each event: the loggers here write an event in one call.
const marked = () =>
  new Writable({
    decodeStrings: false,
    write(text, _encoding, done) {
      event();
      write(text.toString());
      done();
    },
  });

// winston with the formats that a service chooses; `last` come after the stamp.
function winstonLog(last) {
  const winston = require("winston");
  const { combine, errors, timestamp } = winston.format;
  const log = winston.createLogger({
    format: combine(errors({ stack: true }), timestamp(), ...last(winston.format)),
    transports: [new winston.transports.Stream({ stream: marked() })],
  });
  return { info: (text) => log.info(text), error: (_text, error) => log.error(error) };
}

const lines = (format) => format.printf((info) => `${info.timestamp} ${info.level}: ${info.stack ?? info.message}`);

function pinoLog(options) {
  const pino = require("pino");
  const pretty = require("pino-pretty");
  const log = pino({ base: { pid: 4711 } }, pretty({ colorize: false, destination: marked(), sync: true, ...options }));
  return { info: (text) => log.info({ order: 17 }, text), error: (text, error) => log.error({ err: error, order: 17 }, text) };
}

const stamp = () => new Date().toISOString();
const LOGS = {
  winston: () => winstonLog((format) => [lines(format)]),
  "winston-pretty": () => winstonLog((format) => [format.prettyPrint()]),
  "winston-colours": () => winstonLog((format) => [lines(format), format.colorize({ all: true })]),
  "pino-pretty": () => pinoLog({}),
  "pino-pretty-time": () => pinoLog({ translateTime: "SYS:yyyy-mm-dd HH:MM:ss.l o", colorize: true }),
  // The console with a stamp of the application's own; the error is an argument.
  console: () => ({
    info: (text) => { event(); console.log(`${stamp()} info ${text}`); },
    error: (text, error) => { event(); console.log(`${stamp()} error ${text}`, error); },
  }),
  none: () => ({
    info: (text) => { event(); console.log(text); },
    error: (_text, error) => { event(); console.error(error); },
  }),
};

// The failures of a shop.

class OrderError extends Error {
  constructor(text, options) {
    super(text, options);
    this.name = "OrderError";
  }
}

function query(text) {
  throw new TypeError(text);
}

const failure = (work) => {
  try {
    work();
  } catch (error) {
    return error;
  }
  return undefined;
};

const plain = () => failure(() => query("no such column: total"));
const chained = () => new OrderError("order 17 cannot be stored", { cause: new Error("query failed", { cause: plain() }) });
const coded = () => Object.assign(new Error("connect ECONNREFUSED 192.0.2.7:5432"), { errno: -111, code: "ECONNREFUSED", address: "192.0.2.7", port: 5432 });
const many = () => new AggregateError([plain(), chained()], "all warehouses failed");
const nameless = () => new Error();
const statement = () => new OrderError('syntax error at or near "FORM"\nLINE 1: SELECT * FORM orders\n                 ^\n\nhint: FROM');
const missing = () => failure(() => require("./no-such-module"));
const nested = () => Object.assign(new OrderError("order 17 failed"), { order: { id: 17, note: "brace } in text", items: ["[", { price: 3 }] }, text: "two\nlines" });

async function later() {
  await null;
  query("no such column: total");
}

async function asynchronous() {
  await later();
}

function deep(level) {
  return deep(level + 1) + 1;
}

// Programs that end by a failure of their own, or are warned.
const CRASHES = {
  uncaught: () => query("no such column: total"),
  chained: () => { throw chained(); },
  text: () => { throw "order 17:\nno items"; },
  rejected: () => { asynchronous(); },
  rejectedText: () => { Promise.reject("order 17"); },
  overflow: () => { deep(0); },
  emitted: () => { new (require("node:events"))().emit("error", new OrderError("stream broke")); },
  syntax: () => { new (require("node:vm").Script)("let total = (1 +;\n", { filename: "/srv/app/rules.js" }); },
  missing: () => { require("./no-such-module"); },
  memory: () => { const all = []; for (;;) all.push(new Array(10000).fill({ id: all.length })); },
  warned: () => { process.emitWarning("order() is deprecated,\nuse orders()", "DeprecationWarning", "SHOP1"); },
  many: () => { throw many(); },
};

// A log: lines around one kind of event, the event twice in a row, and once more between other lines.
const around = (make) => async (log) => {
  log.info("order 17 accepted");
  log.error("order 17 failed", await make());
  log.info("order 17 goes to the dead letters");
  log.error("order 17 failed", await make());
  log.error("order 17 failed", await make());
  log.info("order 18 accepted");
  log.info("order 19 accepted");
  log.error("order 19 failed", await make());
  log.info("order 20 accepted");
};

// The same for messages of several lines.
const told = (...texts) => (log) => {
  log.info("service started in 812 ms");
  for (const text of texts) {
    log.info(text);
    log.info("order 18 accepted");
  }
  for (const text of texts) log.info(text);
  log.info("order 19 accepted");
};

function crash(name) {
  event();
  spawnSync(process.execPath, ["--max-old-space-size=20", __filename, "crash", name], { stdio: ["ignore", 1, 1] });
}

const crashes = (...names) => (log) => {
  for (let turn = 0; turn < 2; turn++) {
    for (const name of names) {
      log.info("worker starts");
      crash(name);
    }
  }
  crash(names[0]);
  log.info("no worker is left");
};

// Objects without a head: util.inspect's and JSON's.
const objects = (log) => {
  for (let turn = 0; turn < 2; turn++) {
    log.info(JSON.stringify(ORDER, null, 2));
    log.info("order 18 accepted");
    log.info(util.inspect(ORDER, { compact: false }));
    log.info(JSON.stringify(ORDER));
  }
  log.info(JSON.stringify([ORDER, ORDER], null, 4));
  log.info(JSON.stringify(ORDER, null, "\t"));
};

// A trace of console.trace, and a table.
const consoles = (log) => {
  for (let turn = 0; turn < 2; turn++) {
    log.info("order 17 accepted");
    event();
    console.trace("slow order, and where it waits");
    log.info("order 18 accepted");
    event();
    console.table([{ id: 17, items: 2 }, { id: 18, items: 1 }]);
    event();
    console.dir(ORDER, { depth: 5 });
  }
  log.info("order 19 accepted");
};

const ORDER = { id: 17, level: "info", note: "brace } in text", items: ["[", { price: 3, words: "a word ".repeat(12) }], empty: {} };
const SQL = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n  JOIN customers c ON c.id = o.customer\nORDER BY o.id";
const YAML = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\nlimits: {orders: 10}";
const DIFF = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n-total integer\n+total numeric";
const PARAGRAPHS = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.";
const QUOTED = "the payment service wrote:\n11/29/26 23:24:42 E payment refused (code 51)\n11/29/26 23:24:43 I retry";
const MAIL = "the mail server answered:\r\n550-5.7.1 rejected\r\n550 5.7.1 see https://example.org/why\r\nend";

const KINDS = {
  "stack.winston": around(plain),
  "statement.winston": around(statement),
  "messages.winston": told(SQL, PARAGRAPHS),
  "json-in-message.winston": told(`order:\n${JSON.stringify(ORDER, null, 2)}`, QUOTED),
  "inspected.winston-pretty": around(chained),
  "inspected-messages.winston-pretty": told(YAML, "one line"),
  "coloured.winston-colours": told(DIFF, YAML),
  "crashes-between.winston": crashes("uncaught", "text"),
  "stack-in-field.pino-pretty": around(plain),
  "causes.pino-pretty": around(chained),
  "properties.pino-pretty": around(coded),
  "messages-and-fields.pino-pretty": told(SQL, DIFF),
  "coloured-fields.pino-pretty-time": around(many),
  "argument.console": around(plain),
  "causes-argument.console": around(chained),
  "properties-argument.console": around(nested),
  "aggregate.console": around(many),
  "require-stack.console": around(missing),
  "empty-message.console": around(nameless),
  "async-stack.console": around(() => asynchronous().catch((error) => error)),
  "carriage-returns.console": told(MAIL, YAML),
  "printed.none": around(coded),
  "objects.none": objects,
  "traces-and-tables.console": consoles,
  "uncaught.none": crashes("uncaught", "chained", "text"),
  "rejections.none": crashes("rejected", "rejectedText"),
  "emitter-and-overflow.none": crashes("emitted", "overflow", "many"),
  "syntax-and-modules.none": crashes("syntax", "missing", "warned"),
  "out-of-memory.none": crashes("memory"),
};

const eachLine = (log) => fs.readFileSync(0, "utf8").trimEnd().split("\n").forEach(log.info);

const name = process.argv[2];
if (name === "list") write(`${Object.keys(KINDS).join("\n")}\n`);
else if (name === "crash") CRASHES[process.argv[3]]();
else (name.startsWith("lines.") ? eachLine : KINDS[name])(LOGS[path.extname(name).slice(1)]());
