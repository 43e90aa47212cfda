//! Secrets that programs print: arguments of calls in stack traces, and passwords generated at the first setup.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

/// An argument of a call that is not the secret.
macro_rules! other {
    () => {
        r#"\s*(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^,'"()\r\n]+(?:\([^()\r\n]*\))?),\s*"#
    };
}

/// The argument that is the secret.
macro_rules! secret {
    () => {
        r#"(?:'((?:[^'\\]|\\.)+)|"((?:[^"\\]|\\.)+))"#
    };
}

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "call_password",
        group: Group::Secrets,
        description: "passwords in the arguments of calls, as stack traces show them: PHP's PDO, mysqli, ldap_bind, ftp_login, imap_open, \
                password_verify; HTTPBasicAuth('user', …), auth=('user', …), SetBasicAuth, PasswordAuthentication, NetworkCredential, \
                getConnection(\"jdbc:…\", user, …), login(user, …) of mail and FTP",
        not_matched: "other calls, and objects in a password's place",
        patterns: &[
            plain(concat!(
                r"(?-u)(?:mysqli?_(?:real_|p)?connect|mysqli->(?:__construct|(?:real_)?connect)|ldap_bind|ftp_login|ssh2_auth_password|imap_open)\(",
                other!(),
                other!(),
                secret!()
            )),
            plain(concat!(
                r#"(?-u)(?:->__construct|getConnection)\(\s*["'][a-z]+:[^"']*["'],\s*"#,
                other!(),
                secret!()
            )),
            plain(concat!(
                r"(?-u)(?:(?:Basic|Digest)Auth|PasswordCredentials|PasswordAuthentication|NetworkCredential|PSCredential|oci_p?connect|twilio\.Client|\bdb\.auth)\(",
                other!(),
                secret!()
            )),
            plain(concat!(
                r"(?-u)(?:(?i:smtp|imap|pop3?|ftp)[A-Za-z0-9_]*(?:\.[A-Z0-9]+)?\.login|\([0-9]+\): (?:[A-Za-z0-9_\\]+(?:->|::))?(?:login|authenticate|attempt))\((?:self,\s*)?",
                other!(),
                secret!()
            )),
            plain(concat!(r"(?-u)\bpassword_(?:verify|hash)\(\s*", secret!())),
            plain(concat!(r#"(?-u)\bauth\\*["']?[ ]?[=:][ ]?\(\s*["'][^"']*["'],\s*"#, secret!())),
            checked(
                r#"(?-u)\bauth\\*["']?[ ]?[=:][ ]?\[\s*\\*["'][^"'\\]*\\*["'],\s*\\*["']([^"'\\]+)"#,
                validators::generated,
            ),
        ],
        positives: &[
            (
                "PDO->__construct('mysql:host=db', 'root', 'hunt er2', Array)",
                "PDO->__construct('mysql:host=db', 'root', '<redacted:call_password>', Array)",
            ),
            ("mysqli_connect('db', 'root', 'hunter2')", "mysqli_connect('db', 'root', '<redacted:call_password>')"),
            ("auth=HTTPBasicAuth('ada', 'hunter2')", "auth=HTTPBasicAuth('ada', '<redacted:call_password>')"),
            ("get(url, auth=('ada', 'hunter2'))", "get(url, auth=('ada', '<redacted:call_password>'))"),
            (r#"{"auth":["ada","hunter2"]}"#, r#"{"auth":["ada","<redacted:call_password>"]}"#),
            ("password_verify('hunter2', '$2y')", "password_verify('<redacted:call_password>', '$2y')"),
            ("smtp.login('ada', 'hunter2')", "smtp.login('ada', '<redacted:call_password>')"),
        ],
        negatives: &[
            "Foo->__construct('a', 'b', 'c')",
            "PDO->__construct('mysql:host=db', 'root', Object(SensitiveParameterValue), Array)",
            "mysqli_connect('db', 'root', '', 'shop')",
            "mysqli->query('SELECT a, b', 'c', 'd')",
            r#"{"auth":["oauth2","basic"]}"#,
            "author=('ada', 'grace'), auth=('ada',)",
            "page.login('ada', None)",
        ],
    },
    Detector {
        name: "setup_password",
        group: Group::Secrets,
        description: "secrets that programs generate and print at their first setup: temporary passwords of MySQL, Elasticsearch and Jenkins (in \
                one line), unseal and recovery keys of Vault, secret ids of Vault and Consul (UUIDs), initial and administrators' passwords",
        not_matched: "sentences about such passwords",
        patterns: &[
            plain(r"(?i-u)temporary password is generated for [^\s:]+: (\S+)"),
            checked(
                r#"(?i-u)\bpassword for (?:the |user )?["']?[a-z0-9_.@-]+["']?(?: user)?(?: \([^()\r\n]*\))?(?: set to| is)? ?: ([^\s"'<]{8,})"#,
                validators::token,
            ),
            plain(r"(?-u)use the following password to proceed to installation:\s*([0-9a-f]{16,})"),
            plain(r"(?i-u)(?:unseal|recovery) key [0-9]+: ([A-Za-z0-9+/=]{20,})"),
            plain(
                r#"(?i-u)\bsecret_?id\\*["']?[\s:=]{1,32}\\*["']?([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"#,
            ),
            checked(r"(?-u)\bNew value: ([A-Za-z0-9*=_+-]{20})(?:\s|\z)", validators::mixed),
            checked(
                r#"(?i-u)\b(?:admin|root|initial|temporary|default|generated|bootstrap|superuser)[a-z '_-]{0,24}password (?:for [a-z '_-]{1,40} )?(?:is|was set to|set to|to)(?: ?:)? ([^\s"'<]{6,})"#,
                validators::token,
            ),
        ],
        positives: &[
            (
                "A temporary password is generated for root@localhost: hu;nt<er2",
                "A temporary password is generated for root@localhost: <redacted:setup_password>",
            ),
            (
                concat!("Password for the elastic user (reset with `bin/x -u elastic`): ", fake!(alnum 20)),
                "Password for the elastic user (reset with `bin/x -u elastic`): <redacted:setup_password>",
            ),
            (
                concat!("use the following password to proceed to installation:\n\n", fake!(hex 32), "\n"),
                "use the following password to proceed to installation:\n\n<redacted:setup_password>\n",
            ),
            (concat!("Unseal Key 1: ", fake!(alnum 40), "+/=="), "Unseal Key 1: <redacted:setup_password>"),
            (concat!("secret_id    ", fake!(uuid)), "secret_id    <redacted:setup_password>"),
            (concat!(r#"{"SecretID":""#, fake!(uuid), r#""}"#), r#"{"SecretID":"<redacted:setup_password>"}"#),
            (concat!("New value: ", fake!(alnum 20)), "New value: <redacted:setup_password>"),
            ("Initial admin password is hunter2", "Initial admin password is <redacted:setup_password>"),
        ],
        negatives: &[
            "Failed password for root from 10.0.0.1 port 22 ssh2",
            "[sudo] password for ada: incorrect",
            "default password is changed, temporary password is required",
            concat!("secret_id_accessor    ", fake!(uuid)),
            concat!("secret_id ttl role_id    ", fake!(uuid)),
            "Unseal Key 1 accepted, Unseal Key (will be hidden):",
            "New value: 42 New value: max_connections_of_users",
        ],
    },
];
