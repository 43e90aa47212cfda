//! Credentials in the arguments of commands.

use super::*;

#[test]
fn arguments_of_commands_are_found() {
    check_hits(
        "command_password",
        r#"
psexec \\h -u ada -p ⟦S3cr3tPw9⟧ cmd
PsExec64.exe \\h -u ada -p ⟦S3cr3tPw9⟧ cmd
rdesktop -u ada -p ⟦S3cr3tPw9⟧ h
xfreerdp /u:ada /p:⟦S3cr3tPw9⟧ /v:h
ipmitool -H h -U a -P ⟦S3cr3tPw9⟧ sol
schtasks /create /ru ada /rp ⟦S3cr3tPw9⟧
http -a ada:⟦S3cr3tPw9⟧ x
echo -e "⟦S3cr3tPw9\nS3cr3tPw9⟧" | passwd ada
echo ⟦S3cr3tPw9⟧ | kinit ada
kinit ada <<< ⟦S3cr3tPw9⟧
cryptsetup luksOpen <<< "⟦S3cr3tPw9⟧"
gh auth login --with-token <<< ⟦abcdEF123456⟧
printf '%s' '⟦S3cr3tPw9⟧' | docker login --password-stdin
nmcli dev wifi connect ssid password ⟦S3cr3tPw9⟧
enable secret 5 ⟦$1$abcd$efghIJKLmnop⟧
username admin password 7 ⟦0822455D0A16⟧
username admin privilege 15 secret ⟦S3cr3tPw9⟧
username admin privilege 15 secret 9 ⟦$9$abcd$efghIJKLmnop⟧
snmp-server community ⟦S3cr3tComm⟧ RO
snmpwalk -v3 -u a -A ⟦S3cr3tPw9⟧ -X ⟦Pr1vPass99⟧ h
snmpwalk -v2c -c ⟦S3cr3tComm⟧ h
kubectl create secret generic s --from-literal=x=⟦S3cr3tPw9⟧
kubectl create secret generic s --from-literal=x='⟦S3cr 3tPw9⟧'
setx DB_PASSWORD ⟦S3cr3tPw9⟧
setenv DB_PASSWORD ⟦S3cr3tPw9⟧
set -gx DB_PASSWORD ⟦S3cr3tPw9⟧
Step 3/9 : ENV DB_PASSWORD ⟦S3cr3tPw9⟧
git config user.password ⟦S3cr3tPw9⟧
npm config set //registry.x/:_authToken ⟦abcdEF123456⟧
consul kv put db/password ⟦S3cr3tPw9⟧
etcdctl put /db/password ⟦S3cr3tPw9⟧
composer config http-basic.x.org ada ⟦S3cr3tPw9⟧
composer config github-oauth.github.com ⟦abcdEF123456789012345678⟧
net user ada ⟦S3cr3tPw9⟧ /add
net use Z: \\srv\share ⟦S3cr3tPw9⟧ /user:ada
ldappasswd -s ⟦S3cr3tPw9⟧ uid=ada
useradd -p '⟦$6$abcdefgh$S3cr3tPw9hashhash⟧' ada
openssl passwd -6 ⟦S3cr3tPw9⟧
erl -name a -setcookie ⟦ABCDEFGHIJKLMNOPQRST⟧ -x
"#,
    );
}

#[test]
fn other_arguments_stay() {
    check_misses(
        r"
ps -p 12; ssh -p 22 host; mkdir -p /srv/a; docker run -p 80:80 x
echo done | tee passwd.log
cat x <<< $INPUT
enable secret storage for ada
username ada password expired
git config user.name Ada
git config --list
net user ada
net use Z: \\srv\share
useradd -m ada
ENV PATH /usr/bin
set -e; set -o pipefail
setx PATH C:\bin
http GET example.org
snmpd started
pulumi config get dbPassword
openssl passwd -help
npm config get registry
",
    );
}
