//! Credentials recognized by their position: headers, URLs, connection strings, password files.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

/// The value after `Cookie:`, which may be in quotes (RFC 6265, section 4.1.1).
macro_rules! cookie_value {
    () => {
        r#"([^"'\\\r\n\[{](?:="[^",;\r\n\\]+"|[^"'\\\r\n])*)"#
    };
}

/// The same after `Set-Cookie:`.
macro_rules! set_cookie_value {
    () => {
        r#"([^"'\\\r\n\[](?:="[^",;\r\n\\]+"|[^"'\\\r\n\[])*)"#
    };
}

/// A header in a list of names and values: `"name":"Cookie","value":"…"`.
macro_rules! cookie_pair {
    ($name:literal) => {
        concat!(
            r#"(?:name|key)\\*["'][\ \t]*:[\ \t]*\\*["']"#,
            $name,
            r#"\\*["'],[\ \t]*\\*["']values?\\*["'][\ \t]*:[\ \t]*\[?\\*["']([^"'\\\r\n]+)"#
        )
    };
}

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "basic_auth",
        group: Group::Secrets,
        description: "Basic credentials (RFC 7617): Base64 of user:password after the word Basic",
        not_matched: "other text after the word Basic",
        patterns: &[checked(
            r"(?xi-u)basic(?:[\ \t+]|%20)+([a-z0-9+/_-]{6,}(?:=|%3D){0,2})",
            validators::basic_credentials,
        )],
        positives: &[
            ("Authorization: Basic dXNlcjpwYXNz", "Authorization: Basic <redacted:basic_auth>"),
            ("sent Basic dXNlcjpwYXNz to", "sent Basic <redacted:basic_auth> to"),
            ("authorization=Basic%20dXNlcjpwYXNzMQ%3D%3D&", "authorization=Basic%20<redacted:basic_auth>&"),
        ],
        negatives: &["Basic authentication failed", "basic auth disabled", "Basic subscription"],
    },
    Detector {
        name: "digest_auth",
        group: Group::Secrets,
        description: "the response in a Digest authorization header (RFC 7616), Hawk's mac, OAuth 1's signature and verifier (RFC 5849), the \
                signature of signed HTTP messages",
        not_matched: "the server's challenge",
        patterns: &[
            plain(r#"(?i-u)digest\s[^\r\n]*?\bresponse=\\*"?([0-9a-f]{32,64})"#),
            plain(r#"(?i-u)hawk\s[^\r\n]*?\bmac=\\*"?([a-z0-9+/_-]{20,}={0,2})"#),
            plain(concat!(r"(?xi-u)oauth_(?:signature|verifier)", is!(), r#"([a-z0-9+/%_.~-]{8,}={0,2})"#)),
            plain(r#"(?i-u)signature\s[^\r\n]*?keyid=[^\r\n]*?signature=\\*"([a-z0-9+/_-]{20,}={0,2})"#),
        ],
        positives: &[
            (
                concat!(r#"Digest username="ada", realm="x", nonce="n", response=""#, fake!(hex 32), r#"", qop=auth"#),
                r#"Digest username="ada", realm="x", nonce="n", response="<redacted:digest_auth>", qop=auth"#,
            ),
            (
                concat!(r#"Hawk id="a1", ts="1", nonce="n", mac=""#, fake!(alnum 40), r#"=""#),
                r#"Hawk id="a1", ts="1", nonce="n", mac="<redacted:digest_auth>""#,
            ),
            (
                concat!(r#"OAuth oauth_signature_method="HMAC-SHA1", oauth_signature=""#, fake!(alnum 24), r#"%3D""#),
                r#"OAuth oauth_signature_method="HMAC-SHA1", oauth_signature="<redacted:digest_auth>""#,
            ),
            (r#"OAuth oauth_signature="hunter2%26hunter3""#, r#"OAuth oauth_signature="<redacted:digest_auth>""#),
            (r#"OAuth oauth_verifier="hunter22""#, r#"OAuth oauth_verifier="<redacted:digest_auth>""#),
            (
                concat!(r#"Signature keyId="a",algorithm="hs2019",signature=""#, fake!(alnum 40), r#"==""#),
                r#"Signature keyId="a",algorithm="hs2019",signature="<redacted:digest_auth>""#,
            ),
        ],
        negatives: &[
            concat!("response=", fake!(hex 32)),
            r#"Digest realm="x", nonce="0a1b2c3d""#,
            "oauth_signature_method=HMAC-SHA1 mac=00:1b:44:11:3a:b7",
        ],
    },
    Detector {
        name: "cookie",
        group: Group::Secrets,
        description: "the values in Cookie and Set-Cookie headers, also as JSON, and of curl -b",
        not_matched: "the cookies' names and attributes",
        patterns: &[
            checked(concat!("(?xi-u)set-cookie2?", is!(), set_cookie_value!()), validators::set_cookie),
            checked(r#"(?i-u)set-cookie2?(?:\\*["'])?[ \t]*[:=][ \t]*\[([^\]\r\n]+)"#, validators::set_cookies),
            checked(concat!(r"(?xi-u)(?:\A|[^-]|[^t]-)cookie", is!(), cookie_value!()), validators::cookie),
            checked(concat!(r"(?xi-u)cookies?", is!(), r"\{()"), validators::object),
            checked(
                concat!(r"(?xi-u)(?:\A|[^-]|[^t]-)cookies?", is!(), r#"\[(?:\\*["'])?([^"'\\\r\n\[\]{]+)"#),
                validators::cookie,
            ),
            checked(r#"(?i-u)["']cookie\\*["'],\s*b?\\*["']([^"'\\\r\n]+)"#, validators::cookie),
            checked(r#"(?i-u)["']set-cookie\\*["'],\s*b?\\*["']([^"'\\\r\n]+)"#, validators::set_cookie),
            checked(concat!("(?xi-u)", cookie_pair!("cookie")), validators::cookie),
            checked(concat!("(?xi-u)", cookie_pair!("set-cookie")), validators::set_cookie),
            checked(
                concat!(r#"(?xi-u)\bcurl\b[^\r\n|;]*?[\ \t](?:-b|--cookie)[\ =]["']?"#, cookie_value!()),
                validators::cookie,
            ),
            plain(r#"(?i-u)(?:(?:added|replaced)[ ]cookie[ ]|<cookie[ ])[^\s="']+="?([^\s"'\\>]+)"#),
        ],
        positives: &[
            ("Cookie: id=a1b2; theme=dark", "Cookie: id=<redacted:cookie>; theme=<redacted:cookie>"),
            (
                r#"Cookie: a=b1; c="d1 e2"; sid=x9"#,
                "Cookie: a=<redacted:cookie>; c=<redacted:cookie>; sid=<redacted:cookie>",
            ),
            ("Cookie: a=b1 c2; z=y8 ok", "Cookie: a=<redacted:cookie>; z=<redacted:cookie> ok"),
            (r#"{"cookie":"sid=abc; x=1","n":1}"#, r#"{"cookie":"sid=<redacted:cookie>; x=<redacted:cookie>","n":1}"#),
            ("Set-Cookie: sid=abc=; Path=/; HttpOnly", "Set-Cookie: sid=<redacted:cookie>; Path=/; HttpOnly"),
            (
                r#"{"set-cookie":["a=1; Path=/","b=2"],"n":1}"#,
                r#"{"set-cookie":["a=<redacted:cookie>; Path=/","b=<redacted:cookie>"],"n":1}"#,
            ),
            (
                r"GET / HTTP/1.1\r\nCookie: a=b\r\nHost: x=y",
                r"GET / HTTP/1.1\r\nCookie: a=<redacted:cookie>\r\nHost: x=y",
            ),
            ("cookie=0a1b2c3d4e5f sent", "cookie=<redacted:cookie> sent"),
            (
                r#"{"cookies":{"sid":"a b","x":"1"}}"#,
                r#"{"cookies":{"sid":"<redacted:cookie>","x":"<redacted:cookie>"}}"#,
            ),
            ("cookies={'sid': 'abc'}", "cookies={'sid': '<redacted:cookie>'}"),
            ("map[Set-Cookie:[sid=abc; Path=/]]", "map[Set-Cookie:[sid=<redacted:cookie>; Path=/]]"),
            ("map[Cookie:[sid=abc; x=1]]", "map[Cookie:[sid=<redacted:cookie>; x=<redacted:cookie>]]"),
            ("curl -b 'sid=abc; t=d' https://x", "curl -b 'sid=<redacted:cookie>; t=<redacted:cookie>' https://x"),
            (r#"["Cookie","sid=abc"]"#, r#"["Cookie","sid=<redacted:cookie>"]"#),
            (r#"["Set-Cookie", "sid=abc; Path=/"]"#, r#"["Set-Cookie", "sid=<redacted:cookie>; Path=/"]"#),
            ("[(b'cookie', b'sid=abc')]", "[(b'cookie', b'sid=<redacted:cookie>')]"),
            (
                r#"{"name":"Cookie","value":"sid=abc; x=1"}"#,
                r#"{"name":"Cookie","value":"sid=<redacted:cookie>; x=<redacted:cookie>"}"#,
            ),
            (
                r#"{"key":"set-cookie","value":"sid=abc; Path=/"}"#,
                r#"{"key":"set-cookie","value":"sid=<redacted:cookie>; Path=/"}"#,
            ),
            (r#"Cookie: a="b"; c; ; d[0]=e"#, r"Cookie: a=<redacted:cookie>; c; ; d[0]=<redacted:cookie>"),
            (
                "set-cookie=[a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, c=d; Secure]",
                "set-cookie=[a=<redacted:cookie>; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Path=/, c=<redacted:cookie>; Secure]",
            ),
            (r#"* Added cookie sid="abc" for domain x"#, r#"* Added cookie sid="<redacted:cookie>" for domain x"#),
            (
                "<RequestsCookieJar[<Cookie sid=abc for x/>]>",
                "<RequestsCookieJar[<Cookie sid=<redacted:cookie> for x/>]>",
            ),
            ("Cookie: a=<redacted:abc>", "Cookie: a=<redacted:cookie>"),
        ],
        negatives: &[
            "Cookie: SameSite attribute missing",
            "DHCP: magic cookie: 99.130.83.99",
            "cookie: missing",
            "cookies=3",
            r#"{"cookies":{},"cookie":null}"#,
            "acceptCookie=true",
            "curl -b cookies.txt https://x, tar -b a=b",
            "Set-Cookie: <redacted:cookie>",
            "cookie consent a=b",
        ],
    },
    Detector {
        name: "session",
        group: Group::Secrets,
        description: "session ids by the names that frameworks use (JSESSIONID, PHPSESSID, ASP.NET_SessionId, connect.sid, \
                laravel_session, _gitlab_session, sessionid with 32 characters)",
        not_matched: "session_id and other names, which may be ids for tracing",
        patterns: &[
            plain(concat!(
                "(?xi-u)(?:jsessionid|phpsessid|asp\\.net_sessionid|aspsessionid[a-z]*|connect\\.sid|(?:laravel|_gitlab)_session)",
                is!(),
                r#"([^\s"'\\;,&<>(){}\[\]?]{6,})"#
            )),
            plain(concat!("(?x-u)\\bsessionid", is!(), "([a-z0-9]{32})\\b")),
        ],
        positives: &[
            ("GET /cart;jsessionid=0A1B2C3D4E5F.node1?x=1", "GET /cart;jsessionid=<redacted:session>?x=1"),
            ("PHPSESSID=0a1b2c3d4e5f; x", "PHPSESSID=<redacted:session>; x"),
            (concat!("_gitlab_session=", fake!(hex 32)), "_gitlab_session=<redacted:session>"),
            (concat!("sessionid=", fake!(hex 32), " ok"), "sessionid=<redacted:session> ok"),
        ],
        negatives: &["session_id=0a1b2c3d4e5f6071", "JSESSIONID cookie is missing", "sessionid=17"],
    },
    Detector {
        name: "url_password",
        group: Group::Secrets,
        description: "the password of scheme://user:password@host, also percent-encoded; a token in the user's place (digits, small letters and \
                capitals), also before :x-oauth-basic",
        not_matched: "ports, and users without a password",
        patterns: &[
            // The user may be an e-mail address. A quote belongs to the password if the password continues after it.
            plain(r#"(?i-u)[a-z0-9+.-]://[^\s"'<>/?:]*:((?:[^\s"'>/?]|'[a-z0-9])+)@"#),
            // A password with a slash makes the URL invalid, and the error message quotes it. A port has digits only.
            plain(
                r#"(?i-u)[a-z0-9+.-]://[^\s"'<>/?@:\[]*:([^\s"'>/?@,{$]*[^\s"'>/?@,{$0-9][^\s"'>/?@,{$]*[/?][^\s"'>]*)@"#,
            ),
            checked(r"(?i-u)[a-z0-9+.-]://([a-z0-9_-]{10,})@", validators::mixed),
            plain(r"(?i-u)[a-z0-9+.-]://([a-z0-9_-]{10,}):x-oauth-basic@"),
            plain(r#"(?i-u)%3a%2f%2f[^\s"'<>&/%]*%3a((?:[^\s"'<>&/%]|%[0-35-9a-f][0-9a-f]|%4[1-9a-f])+)%40"#),
        ],
        positives: &[
            ("postgres://app:p@ss#1@db:5432/x", "postgres://app:<redacted:url_password>@db:5432/x"),
            ("redis://:abc@cache", "redis://:<redacted:url_password>@cache"),
            ("https://Fake0token1@git.example/x", "https://<redacted:url_password>@git.example/x"),
            ("smtp://me@example.org:hunter2@mx:587", "smtp://me@example.org:<redacted:url_password>@mx:587"),
            ("redis://default:hun'ter2@cache", "redis://default:<redacted:url_password>@cache"),
            ("redis://:hunt<er2@cache", "redis://:<redacted:url_password>@cache"),
            ("socks5://ada:hunter2@proxy:1080", "socks5://ada:<redacted:url_password>@proxy:1080"),
            (
                "postgresql+psycopg2://ada:h{un}t\\er2@db/x s3://key:hunter2@minio/b",
                "postgresql+psycopg2://ada:<redacted:url_password>@db/x s3://key:<redacted:url_password>@minio/b",
            ),
            (
                r#"parse "redis://:p/w?d@db:1/0": invalid port"#,
                r#"parse "redis://:<redacted:url_password>@db:1/0": invalid port"#,
            ),
            ("?next=ftp%3A%2F%2Fada%3Apw%2F1%40host", "?next=ftp%3A%2F%2Fada%3A<redacted:url_password>%40host"),
        ],
        negatives: &[
            "http://shop.example.com:8080/users/@me",
            "see https://example.com/a:b",
            concat!("https://", fake!(hex 32), "@sentry.example/7 ssh://deploy-user-2@host/x"),
            "['http://shop:80','x@y'] git+ssh://git@example.org:shop/app.git@v1",
            "http://[::1]:8080/users/@me mongodb://a:27017,b:27017/x?y=z@w http://shop:{port}/@me",
            "ssh://git@host:22/x",
            "postgres://app:<redacted:url_password>@db",
        ],
    },
    Detector {
        name: "connection_string",
        group: Group::Secrets,
        description: "passwords in connection strings: between semicolons, with spaces too (Password=…;), user:…@tcp(…), \
                jdbc:oracle:thin:user/…@",
        not_matched: "",
        patterns: &[
            checked(
                r#"(?i-u);[ ]?(?:password|pwd)[ ]?=[ ]?(?:([^;"'\s<{][^;"'\r\n]*)[;"']|([^;"'\s<{][^;"'\s]*)\z)"#,
                validators::connection_password,
            ),
            // ODBC: a value with a semicolon stands in braces, and a doubled brace in it is part of the value.
            plain(r#"(?i-u)(?:password|pwd)[ ]?=[ ]?\{((?:[^}"'\r\n]|\}\})+)\}(?:;|\z|["'\s\\])"#),
            plain(r#"(?i-u)[a-z0-9_.-]:([^\s"'>/][^\s"'>]*)@(?:tcp|udp|unix)\("#),
            plain(r#"(?i-u)(?:\A|[\s"'=])[a-z0-9_-]+:([^\s@"'<>/]+)@/[a-z][a-z0-9_]*(?:[?"'\s]|\z)"#),
            plain(r#"(?i-u)jdbc:oracle:[a-z0-9]+:[^\s/@"']+/(?:\\*"([^"\\\r\n]+)\\*"|([^\s@"'<]+))@"#),
        ],
        positives: &[
            (
                "Server=db;User Id=app;Password=a b c;Encrypt=yes",
                "Server=db;User Id=app;Password=<redacted:connection_string>;Encrypt=yes",
            ),
            ("app:hunter2@tcp(db:3306)/x", "app:<redacted:connection_string>@tcp(db:3306)/x"),
            ("dsn=ada:hu@nt/<er2@tcp(db:3306)/x", "dsn=ada:<redacted:connection_string>@tcp(db:3306)/x"),
            ("Server=db;Pwd={ab;hunter2}};x};E=1", "Server=db;Pwd={<redacted:connection_string>};E=1"),
            ("dsn app:hunter2@/x?timeout=1s", "dsn app:<redacted:connection_string>@/x?timeout=1s"),
            (r#"jdbc:oracle:thin:scott/"ti@ger"@db"#, r#"jdbc:oracle:thin:scott/"<redacted:connection_string>"@db"#),
            ("jdbc:oracle:thin:scott/tiger@//db/x", "jdbc:oracle:thin:scott/<redacted:connection_string>@//db/x"),
        ],
        negatives: &[
            "Server=db;Trusted_Connection=yes;",
            "jdbc:oracle:thin:@//db/x",
            "listen udp(53)",
            "at node:internal/modules:12@/lib",
        ],
    },
    Detector {
        name: "netrc",
        group: Group::Secrets,
        description: "passwords in a line of a .netrc file (machine … login … password …) and of a .pgpass file (host:5432:database:user:…)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)\bmachine[ \t]+\S+[ \t]+login[ \t]+\S+[ \t]+password[ \t]+([^\s<]\S*)"),
            plain(
                r#"(?-u)(?:\A|[\s"'=])[A-Za-z0-9.*_-]+:(?:5432|5433|6432|\*):[A-Za-z0-9_*-]+:[A-Za-z0-9_*][A-Za-z0-9_.@-]*:([^\s:"'<][^\s"']*)"#,
            ),
        ],
        positives: &[
            (
                "machine git.example.org login ada password hunter2",
                "machine git.example.org login ada password <redacted:netrc>",
            ),
            ("db.example.org:5432:app:ada:hunter2", "db.example.org:5432:app:ada:<redacted:netrc>"),
            ("*:*:*:ada:hunter2", "*:*:*:ada:<redacted:netrc>"),
        ],
        negatives: &[
            "listen db:5432: ok: a b",
            "2026 08:54:32:10:11",
            "the machine has a login page, password reset",
            "login ada password wrong",
        ],
    },
    Detector {
        name: "password_hash",
        group: Group::Secrets,
        description: "hashes of passwords: bcrypt, crypt (SHA-256, SHA-512, MD5, yescrypt), Argon2, scrypt, Django's PBKDF2, LDAP's {SSHA}, \
                PostgreSQL's SCRAM, lines of /etc/shadow and of Windows' hashes",
        not_matched: "digests without a prefix, which may be of anything",
        patterns: &[
            plain(r"(?-u)\$2[abxy]?\$[0-9]{2}\$[./A-Za-z0-9]{53}"),
            plain(r"(?-u)\$(?:1|5|6|apr1)\$(?:rounds=[0-9]+\$)?[./A-Za-z0-9]{1,16}\$[./A-Za-z0-9]{22,86}"),
            plain(r"(?-u)\$(?:7|y|gy)\$[./A-Za-z0-9]+\$[./A-Za-z0-9]*\$[./A-Za-z0-9]{43}"),
            plain(r"(?-u)\$(?:argon2id?|argon2d|scrypt)\$[A-Za-z0-9=,$+/.-]{20,}"),
            plain(r"(?-u)pbkdf2_sha(?:1|256|512)\$[0-9]+\$[A-Za-z0-9]+\$[A-Za-z0-9+/]{20,}={0,2}"),
            plain(r"(?-u)\{(?:S?SHA(?:256|512)?|CRYPT)\}[A-Za-z0-9+/$.]{20,}={0,2}"),
            plain(r"(?-u)SCRAM-SHA-(?:1|256|512)\$[0-9]+:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+"),
            // Lines of /etc/shadow, and of dumps of Windows hashes.
            plain(r"(?-u)[A-Za-z0-9_]:(\$[0-9a-z]{1,4}\$[^:\s]{8,}):[0-9]*:[0-9]*:[0-9]*:"),
            plain(r"(?-u):[0-9]+:(?:[0-9a-fA-F]{32}|\*):([0-9a-fA-F]{32}):::"),
        ],
        positives: &[
            (concat!("row $2", "b$12$", fake!(alnum 36), fake!(alnum 16), "z ok"), "row <redacted:password_hash> ok"),
            (
                concat!("ada:$6", "$salt$", fake!(alnum 40), fake!(alnum 40), "abcdef:1"),
                "ada:<redacted:password_hash>:1",
            ),
            (concat!("$argon2", "id$v=19$m=65536,t=3,p=4$c2FsdHNhbHQ$", fake!(alnum 40)), "<redacted:password_hash>"),
            (concat!("pbkdf2", "_sha256$600000$salt$", fake!(alnum 40), "="), "<redacted:password_hash>"),
            (concat!("{SS", "HA}", fake!(alnum 36), "=="), "<redacted:password_hash>"),
            ("ada SCRAM-SHA-256$4096:c2FsdA==$a2V5:a2V5 ok", "ada <redacted:password_hash> ok"),
            (
                concat!("root:$6", "$salt$shorthash:19000:0:99999:7:::"),
                "root:<redacted:password_hash>:19000:0:99999:7:::",
            ),
            (
                concat!("ada:500:", fake!(hex 32), ":", fake!(hex 32), ":::"),
                concat!("ada:500:", fake!(hex 32), ":<redacted:password_hash>:::"),
            ),
        ],
        negatives: &["costs $2.50 or $6", "{SHA} prefix", "$5$ is a prefix", concat!("sha256 ", fake!(hex 64))],
    },
];
