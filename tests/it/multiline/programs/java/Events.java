// Writes logs of several events as Java services write them: `Events KIND.PREFIX`, or `Events list`.
//
// A line `%%%% event` comes before each event. Standard output and standard error go to one pipe.
// `lines.PREFIX` logs each line of standard input as an event.
package org.example.shop;

import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.logging.Level;
import org.apache.logging.log4j.core.config.Configurator;
import org.apache.logging.log4j.core.config.builder.api.ConfigurationBuilderFactory;
import org.slf4j.LoggerFactory;
import org.springframework.boot.SpringApplication;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

public final class Events {
    // The log of a service, whichever library writes it.
    interface Log {
        void info(String text);

        void error(String text, Throwable cause);
    }

    interface Kind {
        void write(Log log) throws Exception;
    }

    static final Map<String, Kind> KINDS = new LinkedHashMap<>();
    static final String LOGBACK = "%d{yyyy-MM-dd HH:mm:ss.SSS} [%thread] %-5level %logger{36} - %msg%n";
    static final String SPRING = "\\%\\%\\%\\% event%n"
        + "%clr(%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX}){faint} %clr(%5p) %clr(${PID:- }){magenta} %clr(---){faint} "
        + "%clr([%15.15t]){faint} %clr(%-40.40logger{39}){cyan} %clr(:){faint} %m%n%wEx";

    static void event() {
        System.out.println("%%%% event");
        System.out.flush();
    }

    // Marks the event of a library that begins with this call.
    static Log marked(java.util.function.Consumer<String> info, java.util.function.BiConsumer<String, Throwable> error) {
        return new Log() {
            public void info(String text) {
                event();
                info.accept(text);
            }

            public void error(String text, Throwable cause) {
                event();
                error.accept(text, cause);
            }
        };
    }

    static Log logback(String pattern) {
        var context = (LoggerContext) LoggerFactory.getILoggerFactory();
        context.reset();
        var encoder = new PatternLayoutEncoder();
        encoder.setContext(context);
        encoder.setPattern(pattern);
        encoder.start();
        var console = new ConsoleAppender<ILoggingEvent>();
        console.setContext(context);
        console.setEncoder(encoder);
        console.start();
        var root = context.getLogger("ROOT");
        root.addAppender(console);
        var log = context.getLogger("org.example.shop.OrderService");
        return marked(log::info, log::error);
    }

    static Log log4j2() {
        var builder = ConfigurationBuilderFactory.newConfigurationBuilder();
        var layout = builder.newLayout("PatternLayout").addAttribute("pattern", "%d [%t] %-5level %c{1.} - %msg%n");
        builder.add(builder.newAppender("console", "CONSOLE").add(layout));
        builder.add(builder.newRootLogger(org.apache.logging.log4j.Level.INFO).add(builder.newAppenderRef("console")));
        Configurator.reconfigure(builder.build());
        var log = org.apache.logging.log4j.LogManager.getLogger("org.example.shop.OrderService");
        return marked(text -> log.info(text), (text, cause) -> log.error(text, cause));
    }

    static Log jul() {
        var log = java.util.logging.Logger.getLogger("org.example.shop");
        return marked(
            text -> log.logp(Level.INFO, "org.example.shop.OrderService", "accept", text),
            (text, cause) -> log.logp(Level.SEVERE, "org.example.shop.OrderService", "accept", text, cause));
    }

    // Spring Boot marks its events itself, through its pattern, since it logs on its own.
    static Log spring() {
        var log = LoggerFactory.getLogger("org.example.shop.OrderService");
        return new Log() {
            public void info(String text) {
                log.info(text);
            }

            public void error(String text, Throwable cause) {
                log.error(text, cause);
            }
        };
    }

    static Log plain() {
        return marked(System.out::println, (text, cause) -> cause.printStackTrace());
    }

    static Log log(String prefix) {
        return switch (prefix) {
            case "logback" -> logback(LOGBACK);
            case "log4j2" -> log4j2();
            case "jul" -> jul();
            case "spring-boot" -> spring();
            case "none" -> plain();
            default -> throw new IllegalArgumentException(prefix);
        };
    }

    // The failures of a shop.

    static class OrderException extends RuntimeException {
        OrderException(String text, Throwable cause) {
            super(text, cause);
        }
    }

    static class Nameless extends RuntimeException {
        @Override
        public String toString() {
            return "order 17 is not payable\n  reason: card expired\n  retry:  no";
        }
    }

    static class Connection implements AutoCloseable {
        public void close() {
            throw new IllegalStateException("connection is closed", new java.io.IOException("Broken pipe"));
        }
    }

    static void query(String text) {
        throw new IllegalArgumentException(text);
    }

    static Exception caused(String text) {
        try {
            try {
                query(text);
            } catch (RuntimeException error) {
                throw new IllegalStateException("query failed", error);
            }
        } catch (RuntimeException error) {
            return new OrderException("order 17 cannot be stored", error);
        }
        return null;
    }

    static Exception suppressed() {
        try (var connection = new Connection()) {
            query("no such column: total");
        } catch (Exception error) {
            return error;
        }
        return null;
    }

    static Exception circular() {
        var first = new IllegalStateException("first");
        first.initCause(new IllegalStateException("second", first));
        return first;
    }

    static int deep(int level) {
        return deep(level + 1) + 1;
    }

    static Throwable overflow() {
        try {
            deep(0);
        } catch (StackOverflowError error) {
            return error;
        }
        return null;
    }

    static Throwable nothing() {
        try {
            throw new NullPointerException();
        } catch (NullPointerException error) {
            return error;
        }
    }

    static Throwable stackless(String text) {
        var error = new java.util.concurrent.TimeoutException(text);
        error.setStackTrace(new StackTraceElement[0]);
        return error;
    }

    static Throwable async() {
        try {
            CompletableFuture.supplyAsync(() -> deepest(3)).thenApply(n -> n + 1).join();
        } catch (Exception error) {
            return error;
        }
        return null;
    }

    static int deepest(int level) {
        if (level == 0) {
            throw new UnsupportedOperationException("stock of warehouse 3");
        }
        return deepest(level - 1);
    }

    static void uncaught(String name, RuntimeException error) throws Exception {
        event();
        var thread = new Thread(() -> { throw error; }, name);
        thread.start();
        thread.join();
        System.err.flush();
    }

    // A log: lines around one kind of event, the event twice in a row, and once more between other lines.
    static Kind around(String text, java.util.function.Supplier<Throwable> error) {
        return log -> {
            log.info("order 17 accepted");
            log.error(text, error.get());
            log.info("order 17 goes to the dead letters");
            log.error(text, error.get());
            log.error(text, error.get());
            log.info("order 18 accepted");
            log.info("order 19 accepted");
            log.error(text, error.get());
        };
    }

    // The same for messages of several lines.
    static Kind told(String... texts) {
        return log -> {
            log.info("service started in 812 ms");
            for (var text : texts) {
                log.info(text);
                log.info("order 18 accepted");
            }
            for (var text : texts) {
                log.info(text);
            }
            log.info("order 19 accepted");
        };
    }

    @Configuration
    static class Sound {}

    @Configuration
    static class Broken {
        @Bean
        String greeting(javax.sql.DataSource orders) {
            return orders.toString();
        }
    }

    static void spring(boolean ansi, Class<?> configuration, Kind kind) throws Exception {
        System.setProperty("logging.pattern.console", SPRING);
        System.setProperty("spring.output.ansi.enabled", ansi ? "always" : "never");
        event();
        try {
            SpringApplication.run(configuration);
        } catch (RuntimeException failed) {
            return;
        }
        kind.write(spring());
    }

    static final String SQL = "slow statement took 2113 ms:\nSELECT o.id, o.total\nFROM orders o\n"
        + "  JOIN customers c ON c.id = o.customer\nWHERE c.country = 'DK'\nORDER BY o.id";
    static final String YAML = "configuration in force:\nserver:\n  port: 8080\n  hosts:\n  - a.example.org\n  - b.example.org\n"
        + "limits: {orders: 10}";
    static final String DIFF = "schema changed:\n--- orders.before\n+++ orders.after\n@@ -1,3 +1,3 @@\n id bigint\n"
        + "-total integer\n+total numeric";
    static final String PARAGRAPHS = "The warehouse was closed today.\n\nOrders are kept until tomorrow.\nNothing is lost.";
    static final String QUOTED = "upstream wrote:\nERROR 11/29/26 23:24:42 payment refused (code 51)\nINFO  11/29/26 23:24:43 retry";
    static final String JSON = "request body:\n{\n  \"order\": 17,\n  \"note\": \"brace } in text\",\n  \"items\": [\n    \"[\"\n  ]\n}";

    static {
        KINDS.put("nested-causes.logback", around("order 17 failed", () -> caused("no such column: total")));
        KINDS.put("suppressed.logback", around("order 17 failed", Events::suppressed));
        KINDS.put("circular-cause.logback", around("order 17 failed", Events::circular));
        KINDS.put("root-first.logback", log -> around("order 17 failed", () -> caused("no such column: total"))
            .write(logback(LOGBACK + "%rEx")));
        KINDS.put("cut-frames.logback", log -> around("order 17 failed", Events::async).write(logback(LOGBACK + "%ex{2}")));
        KINDS.put("packaged-frames.logback", log -> around("order 17 failed", Events::suppressed).write(logback(LOGBACK + "%xEx")));
        KINDS.put("sql-message.logback", told(SQL, DIFF));
        KINDS.put("stack-overflow.logback", log -> {
            log.info("order 17 accepted");
            log.error("tree of categories is too deep", overflow());
            log.info("order 18 accepted");
            log.error("order 18 failed", nothing());
            log.info("order 19 accepted");
        });
        KINDS.put("message-before-frames.logback", around("order 17 failed", () -> caused(
            "ERROR: syntax error at or near \"FORM\"\n  Position: 10\n\nSELECT * FORM orders\nWHERE id = 17")));
        KINDS.put("caused-by.log4j2", around("order 17 failed", () -> caused("no such column: total")));
        KINDS.put("suppressed-causes.log4j2", around("order 17 failed", Events::suppressed));
        KINDS.put("json-in-cause.log4j2", around("payment refused", () -> caused("502 Bad Gateway\n{\n  \"code\": 51,\n  \"text\": \"refused }\"\n}")));
        KINDS.put("empty-message.log4j2", around("order 17 failed", Events::nothing));
        KINDS.put("no-frames.log4j2", around("order 17 failed", () -> new OrderException("no answer", stackless("after 3 s"))));
        KINDS.put("quoted-lines.log4j2", told(QUOTED, PARAGRAPHS));
        KINDS.put("yaml-message.log4j2", told(YAML, JSON));
        KINDS.put("async.log4j2", around("stock is unknown", Events::async));
        KINDS.put("two-lines.jul", told("one line", "another line"));
        KINDS.put("stack.jul", around("order 17 failed", () -> caused("no such column: total")));
        KINDS.put("paragraphs.jul", told(PARAGRAPHS, SQL));
        KINDS.put("banner.spring-boot", log -> spring(false, Sound.class, told("one line", PARAGRAPHS)));
        KINDS.put("stack-between-blanks.spring-boot",
            log -> spring(false, Sound.class, around("Servlet.service() threw exception", () -> caused("no such column: total"))));
        KINDS.put("failure-report.spring-boot", log -> {
            spring(false, Broken.class, told());
            spring(false, Broken.class, told()); // restarted by its supervisor
        });
        KINDS.put("colours.spring-boot", log -> spring(true, Sound.class, around("order 17 failed", Events::async)));
        KINDS.put("own-text.none", around("", Nameless::new));
        KINDS.put("printed.none", around("", () -> caused("no such column: total")));
        KINDS.put("uncaught.none", log -> {
            log.info("2026-11-29 23:24:42 order 17 accepted");
            uncaught("worker-1", new OrderException("order 17 cannot be stored", nothing()));
            uncaught("worker-2", new IllegalStateException("order 18:\nno stock\n  of: apples"));
            log.info("2026-11-29 23:24:43 order 19 accepted");
            uncaught("worker-3", new IllegalStateException());
            log.info("2026-11-29 23:24:44 order 20 accepted");
        });
        KINDS.put("thread-dump.none", log -> {
            log.info("order 17 accepted");
            for (int dump = 0; dump < 2; dump++) {
                event();
                new ProcessBuilder("kill", "-QUIT", Long.toString(ProcessHandle.current().pid())).start().waitFor();
                Thread.sleep(1500);
                log.info("order 18 accepted");
            }
            log.error("order 18 failed", suppressed());
            log.info("order 19 accepted");
        });
    }

    static void lines(Log log) throws Exception {
        var input = new BufferedReader(new InputStreamReader(System.in));
        for (String line = input.readLine(); line != null; line = input.readLine()) {
            log.info(line);
        }
    }

    public static void main(String[] arguments) throws Exception {
        Locale.setDefault(Locale.US);
        if (arguments[0].equals("list")) {
            List<String> names = new ArrayList<>(KINDS.keySet());
            names.forEach(System.out::println);
            return;
        }
        String prefix = arguments[0].substring(arguments[0].indexOf('.') + 1);
        if (prefix.equals("logback") || prefix.equals("spring-boot")) {
            event(); // slf4j logs a line of its own when it is first used
        }
        Kind kind = arguments[0].startsWith("lines.") ? Events::lines : KINDS.get(arguments[0]);
        kind.write(log(prefix));
        System.exit(0);
    }
}
