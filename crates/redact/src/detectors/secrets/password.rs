//! The values of keywords: passwords, secrets, tokens and keys of any kind.

use super::super::super::validators;
use super::super::{Detector, Group, checked, confirmed, plain};

/// Names whose value is a secret, also at the end of a longer name (`db_password`, `X-Auth-Token`, `accessKey`). Longer
/// alternatives come first, so that the first match is the longest. A macro, because only literals can be joined in a
/// table.
macro_rules! keyword {
    () => {
        r"(?:(?:api|app|access|secret|private|auth|account|client|consumer|deploy|ssh|jwt|hmac|aes|cipher|encryption|decryption|signing|shared|master|session|licen[cs]e)[_.\ -]?key(?:_?base|[_.-]?value)?|(?:(?:_?(?:user|root|db|bind|store|key|smtp|ldap)|[a-z0-9_])?(?:pass(?:word|wort|wd|phrase|code)|pwd)|pswd|secret|token|kennwort|wachtwoord|mot[_\ ]?de[_\ ]?passe|contrase(?:\xc3\xb1|\xc3\x91|\xf1|\xd1|n(?:\xcc\x83)?)a|senha)(?:[_.-]?(?:confirm(?:ation)?|again|repeat|new|old|current|value|string|binary|(?:plain|clear)?text|plain|raw|hash|digest|prod(?:uction)?|staging|test|dev|root|admin))?|authorization|cred(?:entials?|s)|(?:\b|_)(?:(?:user|root|db|bind|store|key|smtp|ldap)?(?:pass|pw)|psk)|(?-i:[a-z0-9]P(?:ass|[wW])|SSHPASS)|(?:mfa|2fa|totp|otp|verification|one[_-]?time)[_-]?code|(?:recovery|backup)[_\ -]?codes?)[_.-]?[0-9]{0,2}"
    };
}

/// The detector of values by their keyword.
pub(super) const DETECTORS: &[Detector] = &[Detector {
    name: "password",
    group: Group::Secrets,
    description: "values of keywords (password, passwd, pwd, pass, secret, token, api_key, access_key, authorization … and \
                names that end with one) after an operator (=, :, ::=, ?=, <- …), with or without a type or YAML tag, bare \
                or quoted, in brackets, in JSON, in JSON within a string, in YAML, in a URL's query or XML, also with \
                entities; a value next to a keyword (\"name\":\"DB_PASSWORD\",\"value\":…; \
                \"loc\":[\"body\",\"password\"],\"input\":…; \"value\":…,\"path\":\"password\"; [[\"password\", …]]; \
                <key>password</key><string>…); strings passed to a setter (setPassword(\"…\"), put(\"password\", \
                \"…\")); a value's replacement (\"…\" -> \"…\"); contents of types (Some(Secret { inner: \"…\" }), \
                (*string)(\"…\")); values in validation errors (rejected value […], input_value=…, password is \
                invalid: \"…\"); values set by commands (setenv DB_PASSWORD …, git config user.password …, bindpw …); columns of \
                a tuple (Key (token)=(…)); the argument of an option such as --password, or quoted text after the word password",
    not_matched: "null, true, false, yes or no; placeholders of other programs ([FILTERED], *****, $1, ?); words of error \
                messages (token: invalid); other names, whatever their value looks like, and names that end with a keyword but \
                hold no secret (nextPageToken, PublicKeyToken); a test's PASS:; references without a default (${DB_PASSWORD}, {{ \
                x }}); sentences of validators (password: must not be empty); source code: calls, types and variables \
                (token = get_token(user), password: str, $DB_PASSWORD); states (token: valid, apikey=missing), names of lexer \
                tokens (token=NUMBER), paths of key files (private_key=/etc/ssl/x.key), limits and ratios (max_token=4096, \
                pass=2/3); the log name of a process (passwd[123]:)",
    patterns: &[
        confirmed(
            concat!(r"(?xi-u)", keyword!()),
            concat!(
                r"(?xi-u)",
                keyword!(),
                r#"(?:[\x01-\x09\x0b-\x1f\ =:,<>`"'\\\[\](){}*?+~|!^]|-[>=:\-+~|?]|\.[.=:]|(?m:$)|[%&/@\#$;]=|[_~-]{3}|\xc2\xb7|\xe2\x80\xa6|%[35]|&(?:quot|apos|\#|gt)|\#0[01])"#
            ),
            validators::named,
        )
        .published_as(concat!(
            r"(?xi-u)(?:pass(?:word|wort|wd|phrase|code)|pwd|pswd|secret|token|kennwort|senha|authorization|credentials?",
            r"|(?:api|app|access|secret|private|auth|account|client|encryption|signing|shared|master)[_.\ -]?key)",
            r"(?:[_.-](?:hash|value|text|old|new|current|again|prod|staging|test|dev))?[_.-]?[0-9]{0,2}",
            is!(),
            r#"(?:(?:Bearer|Basic)[\ +])?([^\s"'\\&,;<>(){}\[\]]+)"#
        )),
        // All values of a Kubernetes Secret are secrets.
        checked(r#"(?i-u)\bstringdata\\*["']?[ \t]*:[ \t]*\{()"#, validators::object),
        // Values in validation errors.
        checked(
            r"(?i-u)(?:rejected|invalid|incorrect|input|with|final|the|field's)(?: [a-z]+)?[ _-]?value(?: was)?()",
            validators::echoed,
        ),
        // Erlang's cookie and settings of network devices, which have no keyword.
        plain(r#"(?-u)-setcookie\\*(?:["']?(?:,[ \t]*|[ \t]+)(?:a[0-9]+=)?|=)\\*["']?([^\s"'\\,\]]+)"#),
        plain(r#"(?i-u)\bsnmp-server[ \t]+community[ \t]+([^\s"'\\]+)"#),
        checked(
            r#"(?i-u)\b(?:enable[ \t]+(?:secret|password)|username[ \t]+\S+(?:[ \t]+privilege[ \t]+[0-9]{1,2})?[ \t]+(?:secret|password)|neighbor[ \t]+\S+[ \t]+password|crypto[ \t]+isakmp[ \t]+key|(?:tacacs|radius)-server[ \t]+(?:host[ \t]+\S+[ \t]+)?key|snmp-server[ \t]+user[ \t]+[^\r\n"]+?[ \t](?:auth|priv)[ \t]+\S+(?:[ \t]+(?:128|192|256))?)(?:[ \t]+[0-9])?[ \t]+([^\s"'\\]{4,})"#,
            validators::random,
        ),
        // As the setup of Elasticsearch prints them.
        plain(r#"(?-u)\bPASSWORD [a-z_]+ = ([^\s"'\\]{16,})"#),
    ],
    positives: &[
        ("login password=hunter2 ok", "login password=<redacted:password> ok"),
        ("Password: hunter2", "Password: <redacted:password>"),
        (r#"{"password":"a \"b\" c","n":1}"#, r#"{"password":"<redacted:password>","n":1}"#),
        (r#"{"db_passwd":12345,"n":1}"#, r#"{"db_passwd":<redacted:password>,"n":1}"#),
        (r#"{"m":"{\"password\":\"a\\\"b\",\"n\":1}"}"#, r#"{"m":"{\"password\":\"<redacted:password>\",\"n\":1}"}"#),
        (r#"m=\\\"token\\\":\\\"ab c\\\",\\\"n\\\""#, r#"m=\\\"token\\\":\\\"<redacted:password>\\\",\\\"n\\\""#),
        ("pwd='it''s me' n=1", "pwd='<redacted:password>' n=1"),
        ("{'secret': 'a b'}", "{'secret': '<redacted:password>'}"),
        (r"x=\'secret\': \'a b\', y", r"x=\'secret\': \'<redacted:password>\', y"),
        ("GET /?token=abc&x=1", "GET /?token=<redacted:password>&x=1"),
        ("?authorization=Bearer+0a1b2c3d HTTP/1.1", "?authorization=<redacted:password> HTTP/1.1"),
        ("Authorization: Basic dXNlcjpwYXNz", "Authorization: <redacted:password>"),
        ("X-Api-Key: 0a1b", "X-Api-Key: <redacted:password>"),
        (
            "accessToken=a apikey=b client_secret=c",
            "accessToken=<redacted:password> apikey=<redacted:password> client_secret=<redacted:password>",
        ),
        ("<soap:Password>a b</soap:Password>", "<soap:Password><redacted:password></soap:Password>"),
        ("run --db-password hunter2 --n 1", "run --db-password <redacted:password> --n 1"),
        ("run --token 'a b' c", "run --token '<redacted:password>' c"),
        (":password=>\"x\", n", ":password=>\"<redacted:password>\", n"),
        ("user%5Bpassword%5D=abc&n=1", "user%5Bpassword%5D=<redacted:password>&n=1"),
        ("password%3Dabc done", "password%3D<redacted:password> done"),
        ("password=\"no end", "password=\"<redacted:password>"),
        (r"password=ab\cd e", r"password=<redacted:password> e"),
        (r"password=\\ab\ e", r"password=<redacted:password> e"),
        ("password_confirmation=abc", "password_confirmation=<redacted:password>"),
        (
            "db_pass=abc smtpPass: def pass=ghi",
            "db_pass=<redacted:password> smtpPass: <redacted:password> pass=<redacted:password>",
        ),
        ("password=<hunter2> token=(abc)", "password=<<redacted:password>> token=(<redacted:password>)"),
        ("PWD={hunter2};UID=sa", "PWD={<redacted:password>};UID=sa"),
        ("UID=sa;PWD=/a", "UID=sa;PWD=<redacted:password>"),
        (r#"password: Some(Secret("a b"))"#, r#"password: <redacted:password>"))"#),
        ("{b'password': b'a b'}", "{b'password': <redacted:password>'}"),
        (r#"{"token":["a","b"],"n":1}"#, r#"{"token":["<redacted:password>","<redacted:password>"],"n":1}"#),
        ("map[password:[a b] user:[ada]]", "map[password:[<redacted:password>] user:[ada]]"),
        (r#"{"name":"DB_PASSWORD","value":"a b"}"#, r#"{"name":"DB_PASSWORD","value":"<redacted:password>"}"#),
        (
            r#"{"credentials":{"user":"a","value":"b c"}}"#,
            r#"{"credentials":{"user":"<redacted:password>","value":"<redacted:password>"}}"#,
        ),
        ("password[]=abc&token[0]=def", "password[]=<redacted:password>&token[0]=<redacted:password>"),
        (
            "SECRET_KEY_BASE=abc DB_PASSWORD_PROD=def",
            "SECRET_KEY_BASE=<redacted:password> DB_PASSWORD_PROD=<redacted:password>",
        ),
        (r#"<add key="apiKey" value="abc"/>"#, r#"<add key="apiKey" value="<redacted:password>"/>"#),
        (r#"["x-api-key","a b"]"#, r#"["x-api-key","<redacted:password>"]"#),
        ("['run', '--token', 'a b']", "['run', '--token', '<redacted:password>']"),
        ("<Secret type=\"x\"><![CDATA[a b]]></Secret>", "<Secret type=\"x\"><![CDATA[<redacted:password>]]></Secret>"),
        ("java -password abc -jar x", "java -password <redacted:password> -jar x"),
        ("&quot;pwd&quot;:&quot;abc&quot;", "&quot;pwd&quot;:&quot;<redacted:password>&quot;"),
        ("invalid password \"a b\" for ada", "invalid password \"<redacted:password>\" for ada"),
        ("password=<redacted:abc>", "password=<<redacted:password>>"),
        (r#"~ password = "a" -> "b c""#, r#"~ password = "<redacted:password>" -> "<redacted:password>""#),
        (r#"password: "" => "a b""#, r#"password: "" => "<redacted:password>""#),
        (r#"password = """a b""""#, r#"password = """<redacted:password>""""#),
        (r#""{""token"":""a b"",""n"":1}""#, r#""{""token"":""<redacted:password>"",""n"":1}""#),
        ("{&#34;pwd&#34;:&#34;a b&#34;}", "{&#34;pwd&#34;:&#34;<redacted:password>&#34;}"),
        ("SET `password` = 'a b'", "SET `password` = '<redacted:password>'"),
        (
            "<param name='password'><![CDATA[a b]]></param>",
            "<param name='password'><![CDATA[<redacted:password>]]></param>",
        ),
        ("ENCRYPTED PASSWORD E'a b';", "ENCRYPTED PASSWORD E'<redacted:password>';"),
        (
            "form-data; name=\"password\"\r\nContent-Type: text/plain\r\n\r\na b\r\n--x--",
            "form-data; name=\"password\"\r\nContent-Type: text/plain\r\n\r\n<redacted:password>\r\n--x--",
        ),
        (
            r#"{"m":"--x\r\nform-data; name=\"password\"\r\n\r\na b\r\n--x--","n":1}"#,
            r#"{"m":"--x\r\nform-data; name=\"password\"\r\n\r\n<redacted:password>\r\n--x--","n":1}"#,
        ),
        (
            r#"b'--x\r\nform-data; name="user[password]"\r\n\r\nhunter2\r\n--x--'"#,
            r#"b'--x\r\nform-data; name="user[password]"\r\n\r\n<redacted:password>\r\n--x--'"#,
        ),
        ("WITH PASSWORD = N'a b' MUST_CHANGE", "WITH PASSWORD = <redacted:password>' MUST_CHANGE"),
        (r#"{"m":"password=b","n":"c"}"#, r#"{"m":"password=<redacted:password>","n":"c"}"#),
        ("Authorization: NTLM TlRMTVNTUAAB x", "Authorization: <redacted:password> x"),
        ("password=a)b]c'd e", "password=<redacted:password> e"),
        (r#"[["reset_token", "a b"], ["n", 1]]"#, r#"[["reset_token", "<redacted:password>"], ["n", 1]]"#),
        ("[('user', 'ada'), ('password', 'a b')]", "[('user', 'ada'), ('password', '<redacted:password>')]"),
        (
            r#"{:password, "a b"}, {token,<<"c">>}"#,
            r#"{:password, "<redacted:password>"}, {token,<<"<redacted:password>">>}"#,
        ),
        (
            r#"{"Name":"/db/password","Type":"SecureString","Value":"a b"}"#,
            r#"{"Name":"/db/password","Type":"SecureString","Value":"<redacted:password>"}"#,
        ),
        (
            r#"{"ParameterKey":"DbPassword","ParameterValue":"a b"}"#,
            r#"{"ParameterKey":"DbPassword","ParameterValue":"<redacted:password>"}"#,
        ),
        (r#"{"name":"x-api-key","values":["a b"]}"#, r#"{"name":"x-api-key","values":["<redacted:password>"]}"#),
        (
            r#"{"key":"token","value":{"stringValue":"a b"}}"#,
            r#"{"key":"token","value":{"stringValue":"<redacted:password>"}}"#,
        ),
        (r#"<entry key="db.password">a b</entry>"#, r#"<entry key="db.password"><redacted:password></entry>"#),
        (
            r#"<property name="password"><value>a b</value></property>"#,
            r#"<property name="password"><value><redacted:password></value></property>"#,
        ),
        ("&lt;Password&gt;a b&lt;/Password&gt;", "&lt;Password&gt;<redacted:password>&lt;/Password&gt;"),
        (r#"{"stringData":{"x":"a b"}}"#, r#"{"stringData":{"x":"<redacted:password>"}}"#),
        (concat!("PASSWORD elastic = ", fake!(alnum 20)), "PASSWORD elastic = <redacted:password>"),
        ("password=<redacted:password>abc", "password=<<redacted:password>"),
        (
            r#"{"password ":"a b","token: ":"c"}"#,
            r#"{"password ":"<redacted:password>","token: ":"<redacted:password>"}"#,
        ),
        ("password_1=abc", "password_1=<redacted:password>"),
        (r#"{"user[password]":"a b"}"#, r#"{"user[password]":"<redacted:password>"}"#),
        (r#"s:8:"password";s:3:"a b";"#, r#"s:8:"password";s:3:"<redacted:password>";"#),
        (r#"password: (string) (len=3) "a b","#, r#"password: (string) (len=3) "<redacted:password>","#),
        (
            "keytool -storepass abc bindpw=def aes_key=ghi",
            "keytool -storepass <redacted:password> bindpw=<redacted:password> aes_key=<redacted:password>",
        ),
        (r#"password ::= "v w""#, r#"password ::= "<redacted:password>""#),
        (r#"password: str = "v w""#, r#"password: str = "<redacted:password>""#),
        (r#"var password string = "v w""#, r#"var password string = "<redacted:password>""#),
        ("userPassword:: aHVudGVyMg==", "userPassword:: <redacted:password>"),
        ("password ?= hunter2", "password ?= <redacted:password>"),
        (r#"password = = "v w""#, r#"password = = "<redacted:password>""#),
        ("password: !vault hunter2", "password: <redacted:password> <redacted:password>"),
        ("[password:protected] => hunter2", "[password:protected] => <redacted:password>"),
        (r#"user.setPassword("v w")"#, r#"user.setPassword("<redacted:password>")"#),
        ("setProperty('db.password', 'v w')", "setProperty('db.password', '<redacted:password>')"),
        (r#"type=EXECVE a1="--password" a2="v w""#, r#"type=EXECVE a1="--password" a2="<redacted:password>""#),
        (r#"#{password => <<"v w">>}"#, r#"#{password => <<"<redacted:password>">>}"#),
        (r#"{:user "a", :password "v w"}"#, r#"{:user "a", :password "<redacted:password>"}"#),
        (
            "<member><name>password</name><value><string>v w</string></value></member>",
            "<member><name>password</name><value><string><redacted:password></string></value></member>",
        ),
        ("<key>password</key><string>v w</string>", "<key>password</key><string><redacted:password></string>"),
        ("password........................hunter2", "password........................<redacted:password>"),
        ("password=`v w`", "password=`<redacted:password>`"),
        ("password=${DB_PASSWORD:-v w}", "password=<redacted:password>"),
        ("PWD={a;b};UID=sa", "PWD={<redacted:password>};UID=sa"),
        ("**Password:** hunter2", "**Password:** <redacted:password>"),
        ("password: >- v", "password: >- <redacted:password>"),
        ("password: >- a\u{c}b c", "password: >- <redacted:password>"),
        ("password\u{c}=\u{b}a b", "password\u{c}=\u{b}<redacted:password> b"),
        (
            "form-data; name=password\r\n\r\nv w\r\n--x--",
            "form-data; name=password\r\n\r\n<redacted:password>\r\n--x--",
        ),
        ("form-data; name=password\r \n\nv w\n--x--", "form-data; name=password\r \n\n<redacted:password>\n--x--"),
        (
            "form-data; name=password#015#012#015#012v w#015#012--x",
            "form-data; name=password#015#012#015#012<redacted:password>#015#012--x",
        ),
        (r#"(list (password . "v w"))"#, r#"(list (password . "<redacted:password>"))"#),
        (
            r#"["apiToken":"App\User":private]=> string(3) "v w""#,
            r#"["apiToken":"App\User":private]=> string(3) "<redacted:password>""#,
        ),
        (r#"{"password","v w"}"#, r#"{"password","<redacted:password>"}"#),
        (r#"(:password . "v w")"#, r#"(:password . "<redacted:password>")"#),
        (r#"a.put("password", `v w`)"#, r#"a.put("password", `<redacted:password>`)"#),
        (r#"password = os.getenv("X") or "v w""#, r#"password = os.getenv("X") or "<redacted:password>""#),
        (r#"password = <<"v w">>"#, r#"password = <<"<redacted:password>">>"#),
        (r#"Dim password As String = "v w""#, r#"Dim password As String = "<redacted:password>""#),
        ("password is: hunter2", "password is: <redacted:password>"),
        ("password: !vault |\n  v w\n  x\nuser: ada", "password: !vault |\n  <redacted:password>\nuser: ada"),
        ("- name: DB_PASSWORD\r\n  value: v", "- name: DB_PASSWORD\r\n  value: <redacted:password>"),
        ("{\n\"password\"\n:\n\"v w\"}", "{\n\"password\"\n:\n\"<redacted:password>\"}"),
        (
            "contrase\u{f1}a: v contrasen\u{303}a: w",
            "contrase\u{f1}a: <redacted:password> contrasen\u{303}a: <redacted:password>",
        ),
    ],
    negatives: &[
        "Token refreshed",
        "password reset for user 7",
        "max_tokens: 4096, tokens=512",
        r#"{"password":null,"token":false}"#,
        "password=<redacted:password>",
        r#"{"password":"<redacted:password>"}"#,
        "?token=&x=1",
        "secretName=db-creds",
        "author: ada",
        "tokenizer=bpe passwordless=1",
        "--- PASS: TestLogin (0.01s)",
        "pass: 12, fail: 0; bypass=on compass: north; creds: 0",
        "upgrade passwd:amd64 1:4.13+dfsg1-1; unpack .../passwd_1%3a4.13+dfsg1-1_amd64.deb ...",
        "Reading a token: Next token is token NAME ()",
        r#"user ada: authentication failure for "/account/password": Password Mismatch"#,
        "token: Token expired; password: password must be set",
        "volume certs: references non-existent secret key: tls.crt",
        "password=%(password)s; password=<your-password>",
        r#"Unexpected token 'o', "foo" is not valid JSON"#,
        r#"{"required":["user","password","email"]}"#,
        "token: [], secret=()",
        "where password=? and token = $1 or secret=@p0 or pwd=%s",
        "password=[FILTERED] token=***** secret=<hidden> password = (sensitive value) token = (known after apply)",
        "Access denied for user 'root'@'db' (using password: YES)",
        "error getting token: context deadline exceeded; could not read password: EOF; invalid token: is expired",
        "password: must be at least 8 characters; token: invalid",
        "Using --password via the CLI is insecure; use --password or --token",
        "System.Core, Version=4.0.0.0, PublicKeyToken=b77a5c561934e089",
        r#"{"nextPageToken":"CAUQAA"} SyntaxError: Unexpected token: '}'"#,
        r#"{"--token":{"a":1},"x-api-key":true} fields = ('password', 'email')"#,
        r#"{"option":"--token","help":"a b"}"#,
        "missing field `password` at line 1",
        r#"{"name":"token","type":"string","value":null} PASSWORD policy = strict"#,
        "sudo: ada : TTY=pts/0 ; PWD=/home/ada ; USER=root ; COMMAND=/bin/ls",
        r#"{"m":"enter the password ","n":"a"}"#,
        concat!("build=", fake!(alnum 40), " cache_key=", fake!(hex 64)),
        "passwd[123]: pam_unix(passwd:chauthtok): password changed for ada",
        "unix_chkpwd[7]: password check failed for user (ada), get-secret[12]: done",
        "Token: Token { kind: Ident }",
        "gdm-password]: pam_unix(gdm-password:auth): authentication failure; gdm-password][12]: session opened",
        "test auth::token::tests ... ok; password::tests::it_works; if password is: empty",
        "csrf_token: valid, private_key: loaded, secret: rotated",
        "secret: mounted, passphrase: prompt, token: expected ident, found `(`",
        "token: refresh failed, retrying in 3s; password: check failed",
        "max_token=4096 pass=2/3",
        "password=${DB_PASSWORD} token=$(cat /run/token) secret: {{ .Values.a }} pwd=%{x}",
        "password: <%= ENV['X'] %>",
        "ada : TTY=pts/0 ; OLDPWD=/srv ; PWD=/home/x ; USER=root",
        r#"request.only("password", "email"); com.example.User.setPassword(User.java:12)"#,
        "<th>password</th><th>email</th><li>token</li><li>b</li>",
        "use `password=` and `token=` here",
        "Checking password... ok. Forgot password? Click",
        r#"password ? "yes" : "no"; token bucket = 5"#,
    ],
}];
