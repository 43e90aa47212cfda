//! Statements, their bound parameters, and errors about columns.

use super::*;

#[test]
fn values_of_columns_are_found() {
    check_hits(
        "sql_password",
        r#"
[SQL: INSERT INTO users (name, password) VALUES (?, ?)] [parameters: ('ada', '⟦S3cr3tPw9⟧')]
[SQL: INSERT INTO users (name, password) VALUES (%s, %s)]\n[parameters: ('ada', '⟦S3cr3t, Pw9⟧')]
[SQL: UPDATE users SET name=%s, password=%s WHERE id=%s]\n[parameters: ('ada', '⟦S3cr3tPw9⟧', 7)]
INSERT INTO "users" ("name","password") VALUES (?, ?) - PARAMETERS: ["ada","⟦S3cr3tPw9⟧"]
query failed: INSERT INTO "users"("name", "password") VALUES ($1, $2) -- PARAMETERS: ["ada","⟦S3cr3tPw9⟧"]
query: INSERT INTO "users"("id", "name", "password") VALUES (DEFAULT, $1, $2) -- PARAMETERS: ["ada","⟦S3cr3tPw9⟧"]
query: UPDATE "users" SET "password" = $1, "n" = $2 WHERE "id" IN ($3) -- PARAMETERS: ["⟦S3cr3tPw9⟧",2,1]
UPDATE users SET password=? WHERE id=? -- params: ['⟦S3cr3tPw9⟧', 1]
execute <unnamed>: UPDATE users SET password = $1 WHERE id = $2 DETAIL: parameters: $1 = '⟦S3cr3tPw9⟧', $2 = '1'
execute <unnamed>: SELECT 1 FROM users WHERE name = $1 AND password = $2 DETAIL:  parameters: $1 = 'ada', $2 = '⟦S3cr3tPw9⟧'
Executing (default): INSERT INTO "users" ("password") VALUES ($1); "⟦S3cr3tPw9⟧"
Executing (default): INSERT INTO "users" ("id","name","password") VALUES (DEFAULT,$1,$2) RETURNING "id"; "ada", "⟦S3cr3tPw9⟧"
QUERY users INSERT INTO "users" ("name","password_hash") VALUES ($1,$2) ["ada", "⟦S3cr3tHash⟧"]
ALTER USER scott IDENTIFIED BY "⟦S3cr3tPw9⟧" REPLACE "⟦0ldPw999⟧"
ALTER ROLE ada PASSWORD $$⟦S3cr3tPw9⟧$$
ALTER ROLE ada WITH ENCRYPTED PASSWORD $pw$⟦S3cr3tPw9⟧$pw$
SELECT * FROM users WHERE token IN ('⟦S3cr3tPw9⟧')
SELECT * FROM users WHERE token IN ('⟦S3cr3tPw9⟧', '⟦oth3rPw99⟧')
SELECT * FROM users WHERE password LIKE '⟦S3cr3tPw9⟧'
Duplicate entry '⟦S3cr3tPw9⟧' for key 'users.api_key'
Duplicate entry '⟦S3cr3tPw9⟧' for key 'token'
"#,
    );
}

#[test]
fn other_statements_stay() {
    check_misses(
        r#"
SELECT * FROM users WHERE password = $1
SELECT * FROM users WHERE password = $1 DETAIL: parameters: none
INSERT INTO users (name, email) VALUES (?, ?) -- PARAMETERS: ["ada","x"]
UPDATE users SET name=? WHERE id=? -- params: ['ada', 1]
INSERT INTO users (name, password) VALUES ($1, $2)
[SQL: SELECT id FROM users WHERE name = %s] [parameters: ('ada',)]
Duplicate entry '7-3' for key 'users.PRIMARY'
Key (id)=(7) already exists.
SELECT token FROM t WHERE id IN ('a', 'b')
WHERE token IN (SELECT id FROM x)
INSERT INTO users (name, password) VALUES ($1, $2) RETURNING id
"#,
    );
}
