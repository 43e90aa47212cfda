//! Invented lines of six kinds, each as long as wanted, the same on every machine: access logs, Java applications, JSON,
//! authentication, system logs of sixteen formats, and Base64.

use std::fmt::Write;

use fastrand::Rng;

/// Appends a line.
type Writer = fn(&mut Rng, &mut String);

/// Names and texts of the kinds.
pub(crate) fn all(bytes: usize, seed: u64) -> [(&'static str, String); 6] {
    let kinds: [(&'static str, Writer); 6] = [
        ("access", access),
        ("java", java),
        ("json", json),
        ("auth", auth),
        ("16 system formats", system),
        ("Base64", base64),
    ];
    kinds.map(|(name, line)| {
        let mut dice = Rng::with_seed(seed);
        let mut text = String::with_capacity(bytes + 4096);
        while text.len() < bytes {
            line(&mut dice, &mut text);
        }
        (name, text)
    })
}

fn one<'c>(dice: &mut Rng, of: &[&'c str]) -> &'c str {
    dice.choice(of).copied().unwrap_or_default()
}

fn clock(dice: &mut Rng) -> String {
    format!("{:02}:{:02}:{:02}", dice.u8(0..24), dice.u8(0..60), dice.u8(0..60))
}

fn address(dice: &mut Rng) -> String {
    format!("{}.{}.{}.{}", one(dice, &["10", "172", "192", "203"]), dice.u8(..), dice.u8(..), dice.u8(1..))
}

fn hex(dice: &mut Rng, digits: usize) -> String {
    (0..digits)
        .map(|_| one(dice, &["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "a", "b", "c", "d", "e", "f"]))
        .collect()
}

const PATHS: [&str; 10] = [
    "/",
    "/cart",
    "/login",
    "/api/v1/orders",
    "/api/v1/users/me",
    "/static/app.9f31c2.js",
    "/healthz",
    "/search",
    "/oauth/authorize",
    "/img/products/red-shoes-42.webp",
];
const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/138.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 15_5) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Safari/605.1.15",
    "curl/8.14.1",
    "kube-probe/1.36",
    "okhttp/5.0.0",
];

/// One line of a hundred has a secret in its query.
fn access(dice: &mut Rng, out: &mut String) {
    let (path, agent, clock) = (one(dice, &PATHS), one(dice, &AGENTS), clock(dice));
    let secret = if dice.u32(0..100) == 0 { format!("&access_token={}", hex(dice, 24)) } else { String::new() };
    writeln!(
        out,
        "{} - - [28/Nov/2026:{clock} +0000] \"GET {path}?seq={}{secret} HTTP/1.1\" {} {} \"https://shop.example.com/\" \"{agent}\" 0.{:03}",
        address(dice),
        dice.u32(..),
        dice.choice([200, 201, 304, 404, 500]).unwrap_or(200),
        dice.u32(0..60_000),
        dice.u32(0..1000),
    )
    .unwrap();
}

/// One event in forty has a stack trace.
fn java(dice: &mut Rng, out: &mut String) {
    let logger = one(
        dice,
        &[
            "c.e.shop.OrderService",
            "c.e.shop.PaymentClient",
            "o.a.k.c.NetworkClient",
            "c.e.shop.CartController",
            "c.e.s.SessionTokens",
        ],
    );
    let message = one(
        dice,
        &[
            "Order accepted",
            "Payment declined by issuer",
            "Retrying after connection reset",
            "Cart merged",
            "Slow query on table orders",
            "Token refreshed",
            "Using default security password policy",
        ],
    );
    let level = one(dice, &["INFO ", "INFO ", "INFO ", "WARN ", "DEBUG", "ERROR"]);
    writeln!(
        out,
        "2026-11-28T{}.{:03}Z {level} [http-nio-8080-exec-{}] {logger} - {message} (orderId={}, took={} ms)",
        clock(dice),
        dice.u32(0..1000),
        dice.u32(1..50),
        dice.u32(..),
        dice.u32(1..900),
    )
    .unwrap();
    if dice.u32(0..40) == 0 {
        out.push_str("java.lang.IllegalStateException: connection to payments.internal:8443 was closed\n");
        for _ in 0..dice.u32(5..20) {
            let class = one(
                dice,
                &[
                    "com.example.shop.OrderService",
                    "org.springframework.web.servlet.DispatcherServlet",
                    "java.base/java.lang.Thread",
                ],
            );
            writeln!(
                out,
                "\tat {class}.{}(Source.java:{})",
                one(dice, &["run", "handle", "doDispatch", "invoke"]),
                dice.u32(1..900)
            )
            .unwrap();
        }
    }
}

fn json(dice: &mut Rng, out: &mut String) {
    writeln!(
        out,
        r#"{{"timestamp":"2026-11-28T{}.{:03}Z","level":"{}","logger":"{}","message":"{}","seq":{},"http":{{"method":"GET","path":"{}","status":{}}},"traceId":"{}","user_id":"u-{}"}}"#,
        clock(dice),
        dice.u32(0..1000),
        one(dice, &["info", "info", "warn", "error", "debug"]),
        one(dice, &["orders", "payments", "auth", "cart"]),
        one(dice, &["request done", "order accepted", "payment declined by issuer", "cart merged", r#"field \"name\" is empty"#]),
        dice.u32(..),
        one(dice, &PATHS),
        dice.choice([200, 201, 304, 404, 500]).unwrap_or(200),
        hex(dice, 32),
        dice.u32(0..100_000),
    )
    .unwrap();
}

/// As sshd, sudo, cron and PAM write them; none holds a secret, many speak of passwords.
fn auth(dice: &mut Rng, out: &mut String) {
    let (clock, pid, user) =
        (clock(dice), dice.u32(300..60_000), one(dice, &["root", "admin", "ada", "deploy", "git", "oracle"]));
    let (from, port) = (address(dice), dice.u32(1024..65_535));
    let text = match dice.u32(0..10) {
        0 => format!("sshd[{pid}]: Failed password for {user} from {from} port {port} ssh2"),
        1 => format!("sshd[{pid}]: Failed password for invalid user {user} from {from} port {port} ssh2"),
        2 => format!(
            "sshd[{pid}]: Accepted publickey for {user} from {from} port {port} ssh2: ED25519 SHA256:{}",
            base64_text(dice, 43)
        ),
        3 => format!(
            "sshd[{pid}]: pam_unix(sshd:auth): authentication failure; logname= uid=0 euid=0 tty=ssh ruser= rhost={from}  user={user}"
        ),
        4 => format!("sshd[{pid}]: Received disconnect from {from} port {port}:11: Bye Bye [preauth]"),
        5 => format!("CRON[{pid}]: pam_unix(cron:session): session opened for user {user}(uid=0) by (uid=0)"),
        6 => format!(
            "sudo:    {user} : TTY=pts/0 ; PWD=/home/{user} ; USER=root ; COMMAND=/usr/bin/systemctl restart shop"
        ),
        7 => format!("sshd[{pid}]: Invalid user {user} from {from} port {port}"),
        8 => format!("systemd-logind[{}]: New session {} of user {user}.", dice.u32(300..900), dice.u32(1..9999)),
        _ => format!("sshd[{pid}]: Connection closed by authenticating user {user} {from} port {port} [preauth]"),
    };
    writeln!(out, "Nov 28 {clock} host-{} {text}", dice.u32(1..40)).unwrap();
}

/// In the style of sixteen programs and systems.
fn system(dice: &mut Rng, out: &mut String) {
    let (at, n, m, from) = (clock(dice), dice.u32(..), dice.u32(0..9999), address(dice));
    let id = hex(dice, 16);
    match dice.u32(0..16) {
        0 => writeln!(out, "261128 {} {m} INFO dfs.DataNode$PacketResponder: PacketResponder 1 for block blk_-{n}{m} terminating", at.replace(':', "")),
        1 => writeln!(out, "2026-11-28 {at},{:03} INFO [AsyncDispatcher event handler] org.apache.hadoop.mapreduce.v2.app.job.impl.TaskAttemptImpl: attempt_{n}_0001_m_{m:06}_0 TaskAttempt Transitioned from UNASSIGNED to ASSIGNED", m % 1000),
        2 => writeln!(out, "26/11/28 {at} INFO storage.BlockManager: Found block rdd_{m}_{} locally", m % 40),
        3 => writeln!(out, "2026-11-28 {at},{:03} - WARN  [RecvWorker:{n}:QuorumCnxManager$RecvWorker@765] - Interrupting SendWorker", m % 1000),
        4 => writeln!(out, "- {n} 2026.11.28 R{:02}-M{}-N{}-C:J{:02}-U01 2026-11-28-{}.{m:06} R02-M1-N0-C:J12-U11 RAS KERNEL INFO instruction cache parity error corrected", m % 70, m % 2, m % 16, m % 18, at.replace(':', ".")),
        5 => writeln!(out, "{m} node-{} unix.hw state_change.unavailable {n} 1 Component State Change: Component \"alt0\" is in the unavailable state (HWID={m})", m % 256),
        6 => writeln!(out, "- {n} 2026.11.28 dn{m} Nov 28 {at} dn{m}/dn{m} crond(pam_unix)[{}]: session opened for user root by (uid=0)", m + 300),
        7 => writeln!(out, "2026-11-28 {at}, Info                  CBS    Loaded Servicing Stack v6.1.7601.{m} with Core: C:\\Windows\\winsxs\\amd64_microsoft-windows-servicingstack_{id}_6.1.7601.{m}_none_{id}\\cbscore.dll"),
        8 => writeln!(out, "Nov 28 {at} combo kernel: audit({n}.{m}:0): initialized, CPU {} at {from}", m % 64),
        9 => writeln!(out, "11-28 {at}.{:03}  {m}  {} D PowerManagerService: release:lock=0x{}, flg=0x0, tag=\"View Lock\", name=com.android.systemui, ws=null, uid=10037, pid={m}", m % 1000, m + 5, &id[..8]),
        10 => writeln!(out, "20261128-{at}:{:03}|Step_LSC|{m}|onStandStepChanged {n}", m % 1000),
        11 => writeln!(out, "[Sat Nov 28 {at} 2026] [error] [client {from}] Directory index forbidden by rule: /var/www/html/"),
        12 => writeln!(out, "[11.28 {at}] chrome.exe - proxy.cse.example.com:{m} close, {m} bytes sent, {n} bytes received, lifetime 00:{:02}", m % 60),
        13 => writeln!(out, "Nov 28 {at} LabSZ sshd[{m}]: pam_unix(sshd:auth): check pass; user unknown"),
        14 => writeln!(out, "nova-compute.log.1.2026-11-28_{at} 2026-11-28 {at}.{:03} {m} INFO nova.virt.libvirt.imagecache [req-{}-{}-4{}-9{}-{}] [instance: {id}] image {id} at (/var/lib/nova/instances/_base/{id}): checking", m % 1000, &id[..8], &id[..4], &id[4..7], &id[7..10], &id[..12]),
        _ => writeln!(out, "Nov 28 {at} calvisitor-10-105-160-95 com.apple.cts[{m}]: com.apple.suggestions.harvest: scheduler_evaluate_activity told me to run this job; however, but the start time isn't for {n} seconds.  Ignoring."),
    }
    .unwrap();
}

fn base64_text(dice: &mut Rng, length: usize) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    (0..length).map(|_| char::from(DIGITS[dice.usize(0..DIGITS.len())])).collect()
}

/// Half of a line is Base64.
fn base64(dice: &mut Rng, out: &mut String) {
    let length = dice.usize(60..200);
    writeln!(out, "2026-11-28T{}Z INFO upload part={} body={}", clock(dice), dice.u32(..), base64_text(dice, length))
        .unwrap();
}
