//! Credentials in the arguments of commands, as shells, auditd and traces show them.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

/// An argument of a command, in quotes or not.
macro_rules! argument {
    () => {
        r#"(?:'([^']+)'|"((?:[^"\\]|\\.)+)"|["']?([^\s"'<][^\s"']*))"#
    };
}

pub(super) const DETECTORS: &[Detector] = &[Detector {
    name: "command_password",
    group: Group::Secrets,
    description: "credentials in commands: curl -u user:…, --cert file:…, sshpass -p …, mysql and mariadb -p…, docker login -p …, redis-cli -a …, \
                ldapsearch -w …, sqlplus user/…@, mongo and cqlsh -p …, sqlcmd -P …, zip -P …, 7z -p…, ssh-keygen -N …, smbclient -U user%…, \
                lftp -u user,…, net use /user:…, htpasswd -b, rabbitmqctl add_user, addauth digest user:…, aws configure set, openssl \
                pass:… and enc -k, vault login, echo … to chpasswd and --password-stdin, ConvertTo-SecureString; psexec and rdesktop -p, xfreerdp /p:, schtasks /rp, ipmitool -P, snmpwalk -A, -X and -c, nmcli … password, http -a user:…, \
                echo … to passwd and kinit, here-strings (<<<), --from-literal=…, setx, setenv and ENV of keywords, git, npm, pulumi, consul and \
                etcdctl with keywords, net user, useradd -p, -setcookie; Cisco's enable secret, username … password and snmp-server community; \
                JAAS users (user_NAME=)",
    not_matched: "the same options of other commands",
    patterns: &[
        plain(
            r#"(?-u)curl\b[^\r\n|;]*?[ \t"'](?:-[a-zA-Z]*[uU]|--user|--proxy-user)(?:[ =]?'[^\s"':]+:([^']+)'|[ =]?"[^\s"':]+:((?:[^"\\]|\\.)+)"|(?:[ =]?["']?|\\*["'],[ ]?\\*["'])[^\s"':]+:["']?([^\s"'<][^\s"']*))"#,
        ),
        plain(
            r#"(?-u)=\\*"[^\s"]*curl\\*"[^\r\n]*?=\\*"(?:-[a-zA-Z]*[uU]|--user|--proxy-user)\\*"[ ]a[0-9]+=(?:\\*"[^\s":]+:([^"\\]+)|([0-9A-F]{2,}))"#,
        ),
        plain(
            r#"(?-u)=\\*"[^\s"]*(?:sshpass|redis-cli)\\*"[^\r\n]*?=\\*"-[ap]\\*"[ ]a[0-9]+=(?:\\*"([^"\\]+)|([0-9A-F]{2,}))"#,
        ),
        plain(concat!(r"(?-u)sshpass[ \t]+-p[ \t]*", argument!())),
        plain(r#"(?-u)(?:mysql|mariadb)[a-z_-]*\\*["'][, ][^\r\n|;\]]*?["']-p([^\s"'<][^\s"']*)"#),
        plain(concat!(r"(?-u)(?:mysql|mariadb)[a-z_-]*[ \t](?:[^\r\n|;]*?[ \t])?-p", argument!())),
        plain(
            r#"(?-u)(?:docker|podman|helm|buildah|skopeo|az|oc)(?:[ \t]+registry)?[ \t]login[ \t](?:[^\r\n|;]*?[ \t])?-p[ =]?(?:'([^']+)'|"((?:[^"\\]|\\.)+)"|["']?([^\s"'<-][^\s"']*))"#,
        ),
        plain(concat!(r"(?-u)redis-cli[ \t](?:[^\r\n|;]*?[ \t])?-a[ ]", argument!())),
        plain(concat!(
            r"(?-u)ldap(?:search|modify|add|delete|passwd|whoami|compare)[ \t](?:[^\r\n|;]*?[ \t])?-w[ ]",
            argument!()
        )),
        plain(
            r#"(?-u)\b(?:sqlplus|sqlldr|expdp|impdp|rman)\b[^\r\n|;]*?[ \t"'=][A-Za-z0-9_$\#]+/([^\s@"'/<]+)(?:@|["'\s]|\z)"#,
        ),
        plain(r#"(?-u)curl\b[^\r\n|;]*?[ \t](?:-E|--(?:proxy-)?cert)[ =]["']?[^\s"':]+:([^\s"'<][^\s"']*)"#),
        plain(r#"(?i-u)(?:\baddauth[ \t]+digest|[ \t]-auth(?:[ \t]+digest)?)[ \t]+["']?[^\s"':]+:([^\s"'<]+)"#),
        checked(r#"(?-u)\buser_[A-Za-z0-9_.-]+[ \t]*=[ \t]*\\*"([^"\\]+)"#, validators::jaas_user),
        plain(r#"(?i-u)convertto-securestring[ \t]+(?:-string[ \t]+)?(?:'([^']+)'|"([^"]+)"|([^\s"'$<(-][^\s"']*))"#),
        plain(concat!(r"(?i-u)\bconfigure[ \t]+set[ \t]+[^\s]*(?:secret|token|password|key)[^\s]*[ \t]+", argument!())),
        plain(r#"(?-u)[ \t"']-(?:pass|passin|passout|password)[ =]["']?pass:([^\s"'<]+)"#),
        plain(concat!(r"(?-u)openssl[ \t]+(?:enc|aes|des)[^\r\n|;]*?[ \t]-[kK][ ]", argument!())),
        // Prose continues with words: vault login failed.
        plain(r#"(?-u)\bvault[ \t]login[ \t]+["']?([A-Za-z0-9][A-Za-z0-9._-]*[0-9.][A-Za-z0-9._-]+)"#),
        plain(r#"(?i-u)\bnet[ \t]+use\b[^\r\n]*?/user:[^\s]+[ \t]+([^\s/"'<*][^\s"']*)"#),
        plain(r#"(?-u)(?:smbclient|rpcclient|winexe)\b[^\r\n|;]*?[ \t]-U[ ]?["']?[^\s"'%]+%([^\s"'<]+)"#),
        plain(r#"(?-u)lftp\b[^\r\n|;]*?[ \t]-u[ ]?["']?[^\s"',]+,([^\s"'<]+)"#),
        plain(r#"(?-u)htpasswd[ \t]+-[a-zA-Z]*b[a-zA-Z]*[ \t]+(?:[^\s-][^\s]*[ \t]+){1,2}([^\s"'<]+)\s*\z"#),
        plain(concat!(
            r"(?-u)(?:\bzip|unzip|\bsqlcmd|\bbcp|\b[ot]sql|mosquitto_(?:pub|sub|rr)|\bipmitool)[ \t](?:[^\r\n|;]*?[ \t])?-P[ ]?",
            argument!()
        )),
        plain(r#"(?-u)\b7z[a-z]?[ \t](?:[^\r\n|;]*?[ \t])?-p["']?([^\s"'<]+)"#),
        plain(concat!(r"(?-u)ssh-keygen[ \t](?:[^\r\n|;]*?[ \t])?-[NP][ ]", argument!())),
        plain(concat!(
            r"(?-u)rabbitmqctl[ \t](?:[^\r\n|;]*?[ \t])?(?:add_user|change_password|authenticate_user)[ \t]+[^\s]+[ \t]+",
            argument!()
        )),
        plain(concat!(
            r"(?-u)\b(?:mongo(?:sh|dump|restore|export|import)?|cqlsh)[ \t](?:[^\r\n|;]*?[ \t])?-p[ ]?",
            argument!()
        )),
        plain(
            r#"(?-u)\becho[ \t]+(?:-[en]+[ \t]+)?["']?[^\s"':|]+:([^\s"'|<]+)["']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?chpasswd"#,
        ),
        plain(concat!(
            r"(?i-u)\b(?:psexec(?:64)?(?:\.exe)?|paexec|rdesktop)[ \t](?:[^\r\n|;]*?[ \t])?-p[ ]",
            argument!()
        )),
        plain(r#"(?i-u)freerdp[0-9]?[ \t](?:[^\r\n|;]*?[ \t])?/p:["']?([^\s"'<]+)"#),
        plain(concat!(r"(?i-u)\bschtasks(?:\.exe)?[ \t][^\r\n|;]*?[ \t]/r?p[ ]", argument!())),
        plain(r#"(?-u)\bhttps?[ ](?:[^\r\n|;]*?[ ])?-a[ ]["']?[^\s"':]+:([^\s"'<]+)"#),
        plain(
            r#"(?-u)\b(?:echo|printf)[ \t]+(?:-[en]+[ \t]+)?["']?([^\s"'|$<-][^\s"'|]*)["']?[ \t]*\|[ \t]*(?:sudo[ \t]+)?(?:(?:smb)?passwd|kinit)\b"#,
        ),
        plain(
            r#"(?-u)\bprintf[ ]+["'][^"'|]*["'][ ]+["']?([^\s"'|$<]+)["']?[ ]*\|[^|\r\n]{0,200}?(?:--?(?:password-)?stdin|passwd\b|kinit\b)"#,
        ),
        plain(
            r#"(?-u)\b(?:kinit|cryptsetup|login|passwd|sudo)\b[^\r\n|;<]{0,200}?<<<[ ]?(?:'([^']+)'|"([^"$]+)"|([^\s"'<$]+))"#,
        ),
        plain(concat!(r"(?-u)\bnmcli[ \t][^\r\n|;]*?[ \t](?:[a-z0-9-]*\.?(?:password|psk))[ \t]+", argument!())),
        plain(
            r"(?-u)\b(?:enable|username[ ][^\s]+(?:[ ]privilege[ ][0-9]+)?)[ ](?:secret|password)[ ][0-9][ ]([^\s<]+)",
        ),
        checked(
            r"(?-u)\b(?:enable|username[ ][^\s]+(?:[ ]privilege[ ][0-9]+)?)[ ](?:secret|password)[ ]([^\s<]{4,})",
            validators::token,
        ),
        plain(r"(?-u)\bpassword[ ]7[ ]([0-9A-F]{4,})\b"),
        plain(r"(?-u)\bsnmp-server[ ]community[ ]([^\s<]+)"),
        plain(concat!(r"(?-u)\bsnmp[a-z]+[ ](?:[^\r\n|;]*?[ ])?-[AX][ ]", argument!())),
        plain(concat!(r"(?-u)\bsnmp[a-z]+[ ][^\r\n|;]*?[ ]-A[ ][^\r\n|;]*?[ ]-X[ ]", argument!())),
        plain(concat!(r"(?-u)\bsnmp[a-z]+[ ](?:[^\r\n|;]*?[ ])?-c[ ]", argument!())),
        plain(r#"(?-u)--from-literal[= ]["']?[^\s"'=]+=(?:'([^']+)'|"([^"]+)"|([^\s"'<$]+))"#),
        plain(concat!(
            r"(?-u)\b(?:setx|setenv|ENV|set[ ]-[a-zA-Z]+)[ \t]+[A-Za-z0-9_]*(?:PASSWORD|PASSWD|SECRET|TOKEN|API_?KEY|ACCESS_KEY|PASS|PWD)[ \t]+",
            argument!()
        )),
        plain(concat!(
            r"(?-u)\b(?:git|npm|pnpm|yarn|pulumi|consul|etcdctl)[ ](?:config|kv|put)(?:[ ](?:set|put|-[^\s]+))*[ ][^\s=]*(?i:password|passwd|secret|token|key)[ \t]+",
            argument!()
        )),
        plain(r#"(?-u)\bcomposer[ ]config[ ](?:-[^\s]+[ ])*http-basic\.[^\s]+[ ][^\s]+[ ]["']?([^\s"'<]+)"#),
        plain(r#"(?-u)\bcomposer[ ]config[ ](?:-[^\s]+[ ])*[a-z]+-(?:oauth|token)\.[^\s]+[ ]["']?([^\s"'<]+)"#),
        plain(r#"(?i-u)\bnet[ \t]+user[ \t]+[^\s/]+[ \t]+([^\s/"'<*][^\s"']*)[ \t]+/"#),
        plain(r#"(?i-u)\bnet[ \t]+use[ \t]+(?:[a-z*]:?[ \t]+)?\\\\[^\s]+[ \t]+([^\s/"'<*][^\s"']*)[ \t]+/user:"#),
        plain(concat!(r"(?-u)\bldappasswd[ \t](?:[^\r\n|;]*?[ \t])?-[as][ ]", argument!())),
        plain(concat!(r"(?-u)\buser(?:add|mod)[ \t](?:[^\r\n|;]*?[ \t])?-p[ ]", argument!())),
        plain(r#"(?-u)\bopenssl[ ]passwd[ ](?:-[a-z0-9]+[ ])*(?:-salt[ ][^\s]+[ ])?["']?([^\s"'<-][^\s"']*)"#),
        plain(concat!(r"(?-u)[ ]-setcookie[ ]", argument!())),
        plain(r#"(?-u)\bimpacket[^\r\n]{0,60}?[ /][^\s/:@]+:([^\s@"'<]+)@"#),
        plain(
            r#"(?-u)\becho[ \t]+(?:-[en]+[ \t]+)?["']?([^\s"'|$<-][^\s"'|]*)["']?[ \t]*\|[ \t]*(?:sudo[ \t]+-S|[^|\r\n]{0,200}?--?(?:password-)?stdin)"#,
        ),
    ],
    positives: &[
        (
            r#"a0="/usr/bin/curl" a1="-u" a2="ada:hunter2" a3="x""#,
            r#"a0="/usr/bin/curl" a1="-u" a2="ada:<redacted:command_password>" a3="x""#,
        ),
        (
            r#"a0="sshpass" a1="-p" a2="hunter2" a3="ssh""#,
            r#"a0="sshpass" a1="-p" a2="<redacted:command_password>" a3="ssh""#,
        ),
        ("+ curl -s -u ada:hunter2 https://x", "+ curl -s -u ada:<redacted:command_password> https://x"),
        ("sshpass -p hunter2 ssh ada@host", "sshpass -p <redacted:command_password> ssh ada@host"),
        ("sshpass -p 'hunt er2' ssh ada@host", "sshpass -p '<redacted:command_password>' ssh ada@host"),
        ("curl -u 'ada:hunt er2' x", "curl -u 'ada:<redacted:command_password>' x"),
        ("curl -sSu ada:hunter2 x", "curl -sSu ada:<redacted:command_password> x"),
        ("curl -u ada:'hunter2' x", "curl -u ada:'<redacted:command_password>' x"),
        ("mysql -p'hunt er2' shop", "mysql -p'<redacted:command_password>' shop"),
        ("mysql -p'hunt<er2' x", "mysql -p'<redacted:command_password>' x"),
        ("curl -u 'ada:hunt<er2' x", "curl -u 'ada:<redacted:command_password>' x"),
        ("mariadb-dump -u ada -phunter2 x", "mariadb-dump -u ada -p<redacted:command_password> x"),
        ("curl -uada:hunter2 https://x", "curl -uada:<redacted:command_password> https://x"),
        ("docker login -u ada -p hunter2 r.example", "docker login -u ada -p <redacted:command_password> r.example"),
        ("redis-cli -h db -a hunter2 ping", "redis-cli -h db -a <redacted:command_password> ping"),
        ("ldapsearch -x -D cn=a -w 'hunter2' b", "ldapsearch -x -D cn=a -w '<redacted:command_password>' b"),
        ("mysqldump -u app -phunter2 shop", "mysqldump -u app -p<redacted:command_password> shop"),
        (r#"["curl", "-u", "ada:hunter2", "x"]"#, r#"["curl", "-u", "ada:<redacted:command_password>", "x"]"#),
        (r#"["mysql", "-uroot", "-phunter2", "x"]"#, r#"["mysql", "-uroot", "-p<redacted:command_password>", "x"]"#),
        ("sqlplus ada/hunter2@db", "sqlplus ada/<redacted:command_password>@db"),
        ("curl --cert c.pem:hunter2 https://x", "curl --cert c.pem:<redacted:command_password> https://x"),
        ("addauth digest ada:hunter2", "addauth digest ada:<redacted:command_password>"),
        (
            r#"PlainLoginModule required user_admin="hunter2" user_ada="hunt er3";"#,
            r#"PlainLoginModule required user_admin="<redacted:command_password>" user_ada="<redacted:command_password>";"#,
        ),
        (
            "ConvertTo-SecureString \"hunter2\" -AsPlainText",
            "ConvertTo-SecureString \"<redacted:command_password>\" -AsPlainText",
        ),
        ("aws configure set x_key hunter2", "aws configure set x_key <redacted:command_password>"),
        ("openssl rsa -passin pass:hunter2 -in k", "openssl rsa -passin pass:<redacted:command_password> -in k"),
        ("openssl enc -aes-256-cbc -k hunter2 -in x", "openssl enc -aes-256-cbc -k <redacted:command_password> -in x"),
        ("vault login s0me.Token7 ok", "vault login <redacted:command_password> ok"),
        (r"net use \\srv\c /user:dom\ada hunter2 /y", r"net use \\srv\c /user:dom\ada <redacted:command_password> /y"),
        ("smbclient //h/s -U ada%hunter2", "smbclient //h/s -U ada%<redacted:command_password>"),
        ("lftp -u ada,hunter2 ftp://x", "lftp -u ada,<redacted:command_password> ftp://x"),
        ("htpasswd -bB /f ada hunter2", "htpasswd -bB /f ada <redacted:command_password>"),
        ("zip -r -P hunter2 a.zip b", "zip -r -P <redacted:command_password> a.zip b"),
        ("7z a -phunter2 a.7z b", "7z a -p<redacted:command_password> a.7z b"),
        ("ssh-keygen -t rsa -N 'hunt er2'", "ssh-keygen -t rsa -N '<redacted:command_password>'"),
        ("rabbitmqctl add_user ada hunter2", "rabbitmqctl add_user ada <redacted:command_password>"),
        ("mongodump -u ada -p hunter2 -d x", "mongodump -u ada -p <redacted:command_password> -d x"),
        ("sqlcmd -S h -U sa -P hunter2", "sqlcmd -S h -U sa -P <redacted:command_password>"),
        ("echo 'ada:hunter2' | sudo chpasswd", "echo 'ada:<redacted:command_password>' | sudo chpasswd"),
        (
            "echo hunter2 | docker login -u a --password-stdin",
            "echo <redacted:command_password> | docker login -u a --password-stdin",
        ),
        (r#"a0="mysql" a1="-phunter2""#, r#"a0="mysql" a1="-p<redacted:command_password>""#),
    ],
    negatives: &[
        "docker run --user 1000:1000 x",
        "curl -s -u ada https://x",
        "mysql -p shop",
        "mysql -p < dump.sql",
        "mysql -p<dump.sql",
        "ps -p 12",
        "docker run -p 80:80 x",
        "redis-cli ping",
        "ada login ok",
        "sqlplus /nolog @/srv/x.sql",
        "zip -r a.zip b, mosquitto_sub -p 1883, mongod -p",
        r#"user_name="ada" user_id="7""#,
        "openssl version, aws configure list, bypass: on",
        "vault login failed for ada, vault login -method=oidc",
        "openssl s_client -connect h:443, kubectl -k dir",
        "echo $PASS | docker login --password-stdin",
    ],
}];
