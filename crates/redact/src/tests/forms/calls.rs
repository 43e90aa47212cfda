//! Passwords in the arguments of calls.

use super::*;

#[test]
fn arguments_of_calls_are_found() {
    check_hits(
        "call_password",
        r##"
#0 /app/x.php(3): PDO->__construct('mysql:host=db;d...', 'root', '⟦S3cr3tPw9⟧', Array)
PDO->__construct('mysql:host=db', 'root', '⟦S3cr3tPw9⟧')
#1 /app/db.php(12): mysqli_connect('db', 'root', '⟦S3cr3tPw9⟧', 'shop')
#0 /app/db.php(12): mysqli->__construct('db', 'root', '⟦S3cr3tPw9⟧', 'shop')
#0 /app/db.php(12): mysqli->real_connect('db', 'root', '⟦S3cr3tPw9⟧', 'shop')
#0 /app/l.php(9): ldap_bind(Resource id #5, 'cn=admin,dc=x', '⟦S3cr3tPw9⟧')
#0 /app/l.php(9): ldap_bind(Object(LDAP\Connection), 'cn=admin,dc=x', '⟦S3cr3tPw9⟧')
#2 /app/f.php(9): ftp_login(Resource id #5, 'ada', '⟦S3cr3tPw9⟧')
#2 /app/f.php(9): ssh2_auth_password(Resource id #5, 'ada', '⟦S3cr3tPw9⟧')
#2 /app/f.php(9): imap_open('{mail:993/ssl}', 'ada', '⟦S3cr3tPw9⟧')
#0 [internal function]: PDO->__construct('pgsql:host=db', 'app', '⟦S3c r3t,Pw9⟧', Array)
#4 /v/Connector.php(70): Doctrine\DBAL\Driver\PDOConnection->__construct('mysql:host=db', 'root', '⟦S3cr3tPw9⟧', Array)
{"trace":"#0 /app/db.php(12): mysqli->__construct('db', 'root', '⟦S3cr3tPw9⟧', 'shop')\n#1 {main}"}
requests.get(url, auth=('ada', '⟦S3cr3tPw9⟧'))
requests.get(url, auth=("ada","⟦S3cr3tPw9⟧"))
'auth': ('ada', '⟦S3cr3tPw9⟧')
requests.get(url, auth=HTTPBasicAuth('ada', '⟦S3cr3tPw9⟧'))
auth=HTTPDigestAuth('ada', '⟦S3cr3tPw9⟧')
aiohttp.BasicAuth('ada', '⟦S3cr3tPw9⟧')
{"auth":["ada","⟦S3cr3tPw9⟧"]}
"auth": ["ada", "⟦S3cr3tPw9⟧", "basic"]
{"m":"{\"auth\":[\"ada\",\"⟦S3cr3tPw9⟧\"]}"}
req.SetBasicAuth("ada", "⟦S3cr3tPw9⟧")
new PasswordAuthentication("ada", "⟦S3cr3tPw9⟧")
DriverManager.getConnection("jdbc:mysql://db/x", "root", "⟦S3cr3tPw9⟧")
smtp.login('ada@x', '⟦S3cr3tPw9⟧')
smtplib.SMTP.login(self, 'ada', '⟦S3cr3tPw9⟧')
db.auth("ada", "⟦S3cr3tPw9⟧")
twilio.Client("ACabcdef1234567890abcdef12345678ff", "⟦abcdef1234567890abcdef1234567890⟧")
"##,
    );
}

#[test]
fn other_calls_stay() {
    check_misses(
        r#"
#1 /app/x.php(3): Foo->__construct('a', 'b', 'c')
#1 /app/x.php(3): PDO->__construct('mysql:host=db', 'root', Object(SensitiveParameterValue), Array)
#1 /app/x.php(3): mysqli_connect('db', 'root', '', 'shop')
#1 /app/x.php(3): mysqli->query('SELECT a, b', 'c', 'd')
"auth":["oauth2","basic"]
"auth":["required"]
auth=('ada',)
author=('ada', 'grace')
page.login('ada', None)
PDO->prepare('SELECT ?', 'a', 'b')
"auth": ["user", "admin"]
login('ada', 'de')
"#,
    );
}
