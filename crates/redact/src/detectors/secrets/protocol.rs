//! Credentials in statements, protocols, sign-on flows and signed URLs.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "sql_password",
        group: Group::Secrets,
        description: "passwords in SQL: IDENTIFIED BY '…', SET PASSWORD … = '…', PASSWORD('…'), PASSWORD $$…$$, and values that INSERT writes to columns \
                named by keywords; parameters bound to such columns in the same line; values that such columns are \
                compared with (LIKE, IN), and values in errors (Duplicate entry)",
        not_matched: "statements without a literal",
        patterns: &[
            plain(
                r#"(?xi-u)\bidentified[\ \t]+(?:with[\ \t]+\S+[\ \t]+)?(?:by|as)[\ \t]+(?:password[\ \t]+)?\\*
                   (?:'((?:[^'\\]|''|\\+[^'\\])+)|"((?:[^"\\]|\\+[^"\\])+))"#,
            ),
            plain(r#"(?i-u)\b(?:create|alter)[ \t]+user\b[^;\r\n]*?\bidentified[ \t]+by[ \t]+([^\s;'"\\<]+)"#),
            plain(
                r#"(?xi-u)\bset[\ \t]+password\b[^=;\r\n]*=[\ \t]*\\*(?:'((?:[^'\\]|''|\\+[^'\\])+)|"((?:[^"\\]|\\+[^"\\])+))"#,
            ),
            checked(
                r"(?i-u)\binto[ \t][^()\r\n]*\(([^()\r\n]*(?:pass|pwd|secret|token|key)[^()\r\n]*)\)[ \t]*values[ \t]*\(",
                validators::insert,
            )
            .unpublished(),
            checked(r#"(?i-u)\b(?:parameters|params|bindings)\\*["']?[ ]?[:=][ ]?()[\[($]"#, validators::bound),
            checked(r#"(?i-u)\$[0-9]+\)(?:[ ]returning[ ][a-z0-9_"*, ]+)?(?:;[ ]()\\*"|[ ]()\[)"#, validators::bound),
            plain(
                r#"(?i-u)\bidentified[ \t]+by[ \t]+(?:"[^"\r\n]*"|[^\s"]+)[ \t]+replace[ \t]+(?:"([^"\\\r\n]+)|([^\s;"\\<]+))"#,
            ),
            plain(r"(?i-u)\bpassword[ \t]+\$[a-z_]*\$([^$\r\n<]+)\$"),
            checked(
                r#"(?i-u)(?:password|passwd|pwd|secret|token|\bapi_?key|access_?key)\\*["'`]?[ ](?:not[ ])?(?:in[ ]?\([ ]?|like[ ])()\\*'"#,
                validators::strings,
            ),
            plain(
                r"(?i-u)duplicate[ ]entry[ ]'([^'\r\n]+)'[ ]for[ ]key[ ]'[^'\s]*(?:passw(?:or)?d|secret|token|api_?key)[^'\s]*'",
            ),
            plain(r#"(?xi-u)\bpassword\([\ ]?\\*(?:'((?:[^'\\]|''|\\+[^'\\])+)|"((?:[^"\\]|\\+[^"\\])+))"#),
        ],
        positives: &[
            ("CREATE USER ada IDENTIFIED BY 'a b';", "CREATE USER ada IDENTIFIED BY '<redacted:sql_password>';"),
            (
                "alter user ada identified with mysql_native_password by \"abc\"",
                "alter user ada identified with mysql_native_password by \"<redacted:sql_password>\"",
            ),
            ("ALTER USER scott IDENTIFIED BY tiger;", "ALTER USER scott IDENTIFIED BY <redacted:sql_password>;"),
            (
                "SET PASSWORD FOR 'ada'@'%' = PASSWORD('abc')",
                "SET PASSWORD FOR 'ada'@'%' = PASSWORD('<redacted:sql_password>')",
            ),
            (
                r#"INSERT INTO u ("n","password") VALUES ($1,$2) -- PARAMETERS: ["ada","a b"]"#,
                r#"INSERT INTO u ("n","password") VALUES ($1,$2) -- PARAMETERS: ["ada","<redacted:sql_password>"]"#,
            ),
            (
                "[SQL: UPDATE u SET n=%s, password=%s] [parameters: ('ada', 'a b')]",
                "[SQL: UPDATE u SET n=%s, password=%s] [parameters: ('ada', '<redacted:sql_password>')]",
            ),
            (
                "UPDATE u SET n = $1, password = $2 DETAIL:  parameters: $1 = 'ada', $2 = 'a b'",
                "UPDATE u SET n = $1, password = $2 DETAIL:  parameters: $1 = 'ada', $2 = '<redacted:sql_password>'",
            ),
            ("ALTER ROLE a PASSWORD $$a b$$", "ALTER ROLE a PASSWORD $$<redacted:sql_password>$$"),
            (
                "WHERE token IN ('a', 'b c') AND x",
                "WHERE token IN ('<redacted:sql_password>', '<redacted:sql_password>') AND x",
            ),
            ("set password = 'it''s'", "set password = '<redacted:sql_password>'"),
            (
                "INSERT INTO `u` (`name`,`password`) VALUES ('ada','a b'),('bob',md5('c'))",
                "INSERT INTO `u` (`name`,`password`) VALUES ('ada','<redacted:sql_password>'),('bob',<redacted:sql_password>)",
            ),
        ],
        negatives: &[
            "identified by the user",
            "set password policy",
            "password('",
            "IDENTIFIED BY RANDOM PASSWORD",
            "INSERT INTO t (token_count, password) VALUES (12, ?)",
            "SELECT 1 FROM t WHERE password = $1 -- PARAMETERS: []",
            "UPDATE t SET name=? -- PARAMETERS: [\"ada\"]",
            "WHERE token IN (SELECT t FROM x); Duplicate entry '7' for key 'PRIMARY'; Key (id, name)=(7, ada); Key (token)=(null)",
        ],
    },
    Detector {
        name: "redis_password",
        group: Group::Secrets,
        description: "Redis' requirepass, masterauth and REDISCLI_AUTH, AUTH and ACL SETUSER as MONITOR shows them, AUTH as the \
                protocol writes it",
        not_matched: "the word AUTH on its own",
        patterns: &[
            plain(
                r#"(?i-u)(?:requirepass|masterauth)\\*["']?[ \t]+(?:\\+["'])?([^\s"'<\\](?:[^\s"'\\]|\\+[^\s"'\\])*)(?:\s*\z|\\*["'])"#,
            ),
            plain(r#"(?i-u)(?:requirepass|masterauth)"?[ \t]+"((?:[^"\\\r\n]|\\.)+)""#),
            plain(r"(?i-u)(?:requirepass|masterauth)'?[ \t]+'((?:[^'\\\r\n]|\\.)+)'"),
            plain(r#"(?i-u)rediscli_auth=(?:"((?:[^"\\]|\\.)+)"|'([^']+)'|([^\s"'<][^\s"']*))"#),
            plain(r#"(?i-u)\bsetuser\\*"?[ ][^\r\n]*?[ "]>((?:[^\s"\\]|\\+[^\s"\\])+)"#),
            plain(r#"(?-u)\bAUTH2? default ([^\s"'<]+)"#),
            plain(
                r"(?i-u)auth\\+r\\+n\$[0-9]+\\+r\\+n(?:[^\\\r\n]+\\+r\\+n\$[0-9]+\\+r\\+n)?([^\\\s<]+)\\+r\\+n(?:[^$]|\z)",
            ),
            checked(r#"(?i-u)"auth"[ ](?:"(?:[^"\\]|\\.)+"[ ])?"((?:[^"\\]|\\.)+)""#, validators::not_hidden),
            plain(r#"(?i-u)"auth\\+"[ ](?:\\+"(?:[^"\\]|\\+[^"\\])+\\+"[ ])?\\+"((?:[^"\\]|\\+[^"\\])+)\\+""#),
        ],
        positives: &[
            ("requirepass abc", "requirepass <redacted:redis_password>"),
            ("requirepass hunt<er2", "requirepass <redacted:redis_password>"),
            (r#"requirepass "hunt\\er2""#, r#"requirepass "<redacted:redis_password>""#),
            (r#"[0 10.0.0.1:1] "AUTH" "hunt\\e\"r2""#, r#"[0 10.0.0.1:1] "AUTH" "<redacted:redis_password>""#),
            (r#"requirepass "a bc""#, r#"requirepass "<redacted:redis_password>""#),
            (r#""CONFIG" "SET" "requirepass" "abc""#, r#""CONFIG" "SET" "requirepass" "<redacted:redis_password>""#),
            (r#"[0 10.0.0.1:1] "AUTH" "abc""#, r#"[0 10.0.0.1:1] "AUTH" "<redacted:redis_password>""#),
            ("REDISCLI_AUTH=abc redis-cli", "REDISCLI_AUTH=<redacted:redis_password> redis-cli"),
            (r#""ACL" "SETUSER" "ada" "on" ">abc""#, r#""ACL" "SETUSER" "ada" "on" "><redacted:redis_password>""#),
            ("127.0.0.1:6379> AUTH default abc", "127.0.0.1:6379> AUTH default <redacted:redis_password>"),
            (r"*2\r\n$4\r\nAUTH\r\n$3\r\nabc\r\n", r"*2\r\n$4\r\nAUTH\r\n$3\r\n<redacted:redis_password>\r\n"),
            (
                r"*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$3\r\nabc\r\n",
                r"*3\r\n$4\r\nAUTH\r\n$3\r\nada\r\n$3\r\n<redacted:redis_password>\r\n",
            ),
            (r#""auth" "ada" "abc""#, r#""auth" "ada" "<redacted:redis_password>""#),
        ],
        negatives: &[
            r#"1700000000.1 [0 10.0.0.1:5] "AUTH" "(redacted)""#,
            "NOAUTH Authentication required",
            "requirepass is set",
        ],
    },
    Detector {
        name: "smtp_auth",
        group: Group::Secrets,
        description: "credentials after AUTH PLAIN, AUTH LOGIN and AUTH XOAUTH2 (SMTP and IMAP), and after PASS, APOP and LOGIN (FTP, POP3, IMAP) as logged by \
                curl -v, lftp, vsftpd and Python's libraries; passwords in FreeRADIUS' logins ([user/…])",
        not_matched: "the mechanisms that a server offers",
        patterns: &[
            checked(
                r"(?i-u)\bauth(?:enticate)?[ ](?:plain|login|xoauth2)[ ]([a-z0-9+/]{4,}={0,2})",
                validators::base64_text,
            ),
            plain(r#"(?-u)(?:(?:\A|["'])[<>] |---> |\*(?:cmd|put|resp)\* b?'|send: b?'|\bC: )PASS ([^\s<'"\\]+)"#),
            plain(r#"(?-u), \\*"PASS ([^\s<"\\]+)\\*""#),
            plain(r"(?-u)\bAPOP [^\s]+ ([0-9a-f]{32})\b"),
            plain(r"(?-u)\bLogin (?:OK|incorrect)[^\[\r\n]{0,80}\[[^\]\[/\s]+/([^\]\[<][^\]\[\r\n]*)\]"),
            plain(
                r#"(?-u)\b[A-Za-z]{0,5}[0-9]{1,6} LOGIN (?:"[^"]*"|[^\s"]+@[^\s"]+) (?:\\*"((?:[^"\\]|\\+[^"\\])+)|([^\s"'<\\][^\s"']*))"#,
            ),
            plain(r#"(?-u)\bUSER [^\s\\]+(?:\r?\n|(?:\\r)?\\n)PASS ([^\s<'"\\]+)"#),
            plain(
                r#"(?-u)(?:> (?:b')?|\bC: )[A-Z0-9]+ LOGIN (?:"[^"]*"|\S+) (?:\\*"((?:[^"\\]|\\+[^"\\])+)|([^\s"'<\\][^\s"']*))"#,
            ),
        ],
        positives: &[
            ("> AUTH PLAIN AGFkYQBodW50ZXIy", "> AUTH PLAIN <redacted:smtp_auth>"),
            ("> PASS hunter2", "> PASS <redacted:smtp_auth>"),
            ("< PASS hunter2", "< PASS <redacted:smtp_auth>"),
            ("> A001 LOGIN ada hunter2", "> A001 LOGIN ada <redacted:smtp_auth>"),
            (r#"20:00.0 > b'ABCD1 LOGIN ada "hunter 2"'"#, r#"20:00.0 > b'ABCD1 LOGIN ada "<redacted:smtp_auth>"'"#),
            ("*cmd* 'PASS hunter2'", "*cmd* 'PASS <redacted:smtp_auth>'"),
            (r"USER ada\r\nPASS hunter2\r\n", r"USER ada\r\nPASS <redacted:smtp_auth>\r\n"),
            ("---> PASS hunter2", "---> PASS <redacted:smtp_auth>"),
            (r#"command: Client "x", "PASS hunter2""#, r#"command: Client "x", "PASS <redacted:smtp_auth>""#),
            (r#"a001 LOGIN "ada" "hunter2""#, r#"a001 LOGIN "ada" "<redacted:smtp_auth>""#),
            ("Auth: (1) Login OK: [ada/hunter2] (from x)", "Auth: (1) Login OK: [ada/<redacted:smtp_auth>] (from x)"),
            (concat!("APOP ada ", fake!(hex 32)), "APOP ada <redacted:smtp_auth>"),
            ("a1 AUTHENTICATE PLAIN AGFkYQBodW50ZXIy", "a1 AUTHENTICATE PLAIN <redacted:smtp_auth>"),
        ],
        negatives: &[
            "ok pkg 0.2s > PASS (cached)",
            "250-AUTH PLAIN LOGIN CRAM-MD5",
            r"ok a\nPASS TestLogin",
            "AUTH PLAIN failed",
            "Login incorrect: [ada/<via Auth-Type = mschap>] (from x), user1 LOGIN from host",
            "auth login page",
        ],
    },
    Detector {
        name: "sign_on",
        group: Group::Secrets,
        description: "named values of sign-on flows: authorization codes (code= together with state= or grant_type=), device codes, code \
                verifiers and assertions of OAuth (RFC 6749, 7521, 7636, 8628), SAML responses and requests",
        not_matched: "code= without state= or grant_type=",
        patterns: &[
            plain(concat!(
                r"(?xi-u)(?:assertion|code_verifier|device_code|subject_token|saml(?:response|request))",
                is!(),
                r#"([^\s"'\\&,;<>(){}\[\]]{16,})"#
            )),
            // The text between is short, so that it is not searched repeatedly.
            plain(
                r#"(?i-u)[?&"' \t]code=([^&\s"'<]{6,})&(?:[^\s"']{0,400}?&)?(?:state|grant_type|session_state|iss)="#,
            ),
            plain(
                r#"(?i-u)\b(?:state|grant_type|session_state|iss)=[^\s"'&]{0,400}&(?:[^\s"']{0,400}?&)?code=([^&\s"'<]{6,})"#,
            ),
        ],
        positives: &[
            ("GET /cb?code=4/0AX4XfWh&state=xyz HTTP", "GET /cb?code=<redacted:sign_on>&state=xyz HTTP"),
            ("GET /cb?state=xyz&code=SplxlOBeZQ HTTP", "GET /cb?state=xyz&code=<redacted:sign_on> HTTP"),
            (
                concat!("grant_type=authorization_code&code=SplxlOBeZQ&code_verifier=", fake!(alnum 32), " x"),
                "grant_type=authorization_code&code=<redacted:sign_on>&code_verifier=<redacted:sign_on> x",
            ),
            (
                concat!("SAMLResponse=", fake!(alnum 40), "%3D&RelayState=x"),
                "SAMLResponse=<redacted:sign_on>&RelayState=x",
            ),
            (
                concat!(r#"{"client_assertion":""#, fake!(alnum 40), r#""}"#),
                r#"{"client_assertion":"<redacted:sign_on>"}"#,
            ),
        ],
        negatives: &[
            "?code=E404001&x=1",
            "status code=200000 state=open",
            "assertion: failed",
            "SAMLResponse is missing",
        ],
    },
    Detector {
        name: "signed_url",
        group: Group::Secrets,
        description: "the signatures of signed URLs that have no detector of their own: Google Cloud Storage, CloudFront, S3 version 2, \
                Alibaba, Tencent (X-Goog-Signature=, Signature=, q-signature=)",
        not_matched: "signatures elsewhere",
        patterns: &[plain(r"(?i-u)(?:[?&](?:amp;)?|x-goog-|q-)signature=([a-z0-9%+/_~-]{16,}={0,2})")],
        positives: &[
            (concat!("/b/o?X-Goog-Signature=", fake!(hex 64), " x"), "/b/o?X-Goog-Signature=<redacted:signed_url> x"),
            (
                concat!("/a.mp4?Expires=1&Signature=", fake!(alnum 40), "__&Key-Pair-Id=K1"),
                "/a.mp4?Expires=1&Signature=<redacted:signed_url>&Key-Pair-Id=K1",
            ),
        ],
        negatives: &["?signature=none", concat!("signature=", fake!(alnum 40))],
    },
];
