//! Output of programs at their first setup.

use super::*;

#[test]
fn passwords_of_setups_are_found() {
    check_hits(
        "setup_password",
        r#"
2026-01-01T00:00:00.000000Z 6 [Note] [MY-010454] [Server] A temporary password is generated for root@localhost: ⟦S3cr;3t<Pw9⟧
Password for the elastic user (reset with `bin/elasticsearch-reset-password -u elastic`): ⟦abcD-1234EFGH⟧
The generated password for the elastic built-in superuser is : ⟦S3cr3tPw9abcdefgh12⟧
Please use the following password to proceed to installation:\n\n⟦a1b2c3d4e5f64a7b8c9da1b2c3d4e5f6⟧\n\nThis may
Unseal Key 1: ⟦nmxlcTHl6JrCCSQNrn3BiUqPJKLMNOPQRSTUVWXYZabc⟧
Recovery Key 2: ⟦nmxlcTHl6JrCCSQNrn3BiUqPJKLMNOPQRSTUVWXYZabc⟧
secret_id               ⟦b1a33cf0-2b8f-1234-1234-123456789abc⟧
SecretID:         ⟦b1a33cf0-2b8f-1234-1234-123456789abc⟧
{"data":{"secret_id":"⟦b1a33cf0-2b8f-1234-1234-123456789abc⟧","secret_id_accessor":"a"}}
vault write auth/approle/login role_id=x secret_id=⟦b1a33cf0-2b8f-1234-1234-123456789abc⟧
Admin password is ⟦S3cr3tPw9⟧
argocd: initial admin password is ⟦S3cr3tPw9⟧
admin password set to ⟦S3cr3tPw9⟧
password for ada: ⟦S3cr3tPw9⟧
Password for user ada set to: ⟦S3cr3tPw9⟧
"#,
    );
}
