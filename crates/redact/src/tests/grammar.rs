//! Goal: for any combination of name, operator, quote and value, the mask covers the value.
//!
//! The lists are independent of the product; a tenth of each is in none of its tables, which a test counts.

use std::path::Path;

use super::*;

/// Lines of one call, so that a debug build takes seconds.
const LINES: usize = 64;
/// One in this many combinations is tried, unless `LOGSKIFF_TEST_GRAMMAR=all`.
const PART: usize = 17;

const NAMES: &[&str] = &[
    "password",
    "DB_PASSWORD",
    "userPassword",
    "spring.datasource.password",
    "pwd",
    "passwd",
    "client_secret",
    "X-Api-Key",
    "accessToken",
    "\"password\"",
    "'api_key'",
    "`secret`",
    "\\\"password\\\"",
    "[\"password\"]",
    "user[password]",
    "<<\"password\">>",
    "[password:protected]",
    "[\"password\":\"App\\User\":private]",
    "(passphrase)",
    "**Password**",
    "frobnicator_secret",
    "wibbleToken",
    "ZORK_ADMIN_PASSPHRASE",
    "contraseña",
    "kennwort",
];

const OPERATORS: &[&str] = &[
    "=",
    ":",
    " = ",
    ": ",
    " : ",
    "=>",
    " => ",
    "->",
    " -> ",
    ":=",
    " := ",
    "::=",
    " ::= ",
    "==",
    " == ",
    "===",
    " === ",
    ": =",
    ": = ",
    "=: ",
    " =: ",
    "= =",
    " = = ",
    "?= ",
    " ?= ",
    " += ",
    " -= ",
    " |= ",
    " ||= ",
    "~= ",
    " =~ ",
    " <- ",
    " <= ",
    " >>= ",
    " <<= ",
    ":: ",
    " :: ",
    ":- ",
    "!= ",
    " !== ",
    " .= ",
    " ^= ",
    " ~> ",
    " >> ",
    "=>> ",
    " :=: ",
    " :::= ",
    " = : ",
    " => => ",
    " %= ",
    " &= ",
    " /= ",
    " → ",
    " ⇒ ",
    " ≔ ",
    "..........",
    " ............ ",
    "\t=\t",
    ":\t",
];

/// Signs that open and close a value.
const QUOTES: &[(&str, &str)] = &[
    ("", ""),
    ("\"", "\""),
    ("'", "'"),
    ("`", "`"),
    ("\"\"\"", "\"\"\""),
    ("\\\"", "\\\""),
    ("\\\\\\\"", "\\\\\\\""),
    ("\\'", "\\'"),
    ("b'", "'"),
    ("<<\"", "\">>"),
    ("@\"", "\""),
    ("r#\"", "\"#"),
    ("String(\"", "\")"),
    ("Some(Secret(\"", "\"))"),
    ("new SecretString(\"", "\")"),
    ("string(11) \"", "\""),
    ("(", ")"),
    ("<", ">"),
];

/// Types with an operator, between a bare name and the quote of its value in source code.
const TYPES: &[&str] = &[
    ": &str = ",
    ": &'static str = ",
    ": &'w mut Zork = ",
    ": string = ",
    ": String? = ",
    ": Frob<Quux> = ",
    ": std::string = ",
    ": char const* = ",
    ": str | None = ",
    ": Optional[str] := ",
    "[] = ",
    "[16] = ",
    " string = ",
    " As String = ",
];

/// Types around a value, as their debug output shows them. They stand after an operator and a blank.
const CONSTRUCTORS: &[(&str, &str)] = &[
    ("Some(\"", "\")"),
    ("Just \"", "\""),
    ("Quux \"", "\""),
    ("(*string)(\"", "\")"),
    ("(*main.Quux)(\"", "\")"),
    ("[]byte(\"", "\")"),
    ("SecretStr('", "')"),
    ("Secret { inner: \"", "\" }"),
    ("Frob { raw_inner: \"", "\" }"),
    ("Some(Secret { inner: \"", "\" })"),
    ("Quux(Frob { 0: \"", "\" })"),
    ("Frob<Quux>(\"", "\")"),
    ("Wibble{value='", "'}"),
    ("Optional(Secret(value=\"", "\"))"),
    ("std::string(\"", "\")"),
    ("new Zork(\"", "\")"),
];

const VALUES: &[&str] = &[
    "hunter2Q",
    "Zq7!xW#5k",
    "-hunter2Q",
    "päss-wörter",
    "12345678",
    "a.b/c+d==",
    "$ecret9",
    "x",
    "tr0ub4dor~3",
    "%hunter2Q",
];

/// Values that need quotes.
const SPACED: &[&str] = &["correct horse 7 battery", "a, b; c=d", "x: y {z}", "ends with = "];

/// Checks that a mask covers the text in the place of each line's value.
#[track_caller]
fn assert_covered(redactor: &Redactor, lines: &[(String, &str, &str)], wrong: &mut Vec<String>) {
    for (line, value, after) in lines {
        let parsed = Parsed::default();
        let mut scratch = Scratch::default();
        let redacted = redactor.redact(
            line.as_bytes(),
            line.len(),
            &parsed,
            TextHits::ALL,
            &mut PemState::default(),
            &mut scratch,
        );
        let end = line.len() - after.len();
        let start = line[..end].rfind(value).unwrap();
        let at = TextRange::new(start, start + value.len());
        if redacted.pieces(at).any(|piece| matches!(piece, Piece::Text(_))) {
            wrong.push(format!("{line}   became   {}", output(&redacted, redacted.whole())));
        }
    }
}

#[test]
fn masks_cover_the_value_for_every_name_operator_quote_and_value() {
    let redactor = redactor(&["secrets"], &[], &[]);
    let all = std::env::var("LOGSKIFF_TEST_GRAMMAR").is_ok_and(|part| part == "all");
    let (mut count, mut tried, mut wrong) = (0, 0, Vec::new());
    let mut lines = Vec::new();
    for name in NAMES {
        for operator in OPERATORS {
            for (number, (open, close)) in QUOTES.iter().enumerate() {
                let spaced = if matches!(*open, "" | "(" | "<") { &[][..] } else { SPACED };
                for value in VALUES.iter().chain(spaced) {
                    count += 1;
                    // A quote that no bare name of an escaped string contains.
                    if !all && (count + number) % PART != 0 {
                        continue;
                    }
                    tried += 1;
                    lines.push((format!("set {name}{operator}{open}{value}{close} n"), *value, "n"));
                    if lines.len() == LINES {
                        assert_covered(&redactor, &lines, &mut wrong);
                        lines.clear();
                    }
                }
            }
        }
    }
    assert_covered(&redactor, &lines, &mut wrong);
    println!("{tried} of {count} combinations, {} wrong", wrong.len());
    assert!(count >= 100_000, "{count} combinations");
    assert!(wrong.is_empty(), "{} wrong, such as\n{}", wrong.len(), wrong[..wrong.len().min(60)].join("\n"));
}

/// Goal: neither a type before an operator nor a type around the value hides it.
#[test]
fn masks_cover_the_value_after_types_and_inside_them() {
    let redactor = redactor(&["secrets"], &[], &[]);
    let bare = |name: &&&str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let values = || VALUES.iter().chain(SPACED);
    let (mut lines, mut wrong) = (Vec::new(), Vec::new());
    for name in NAMES.iter().filter(bare) {
        for value in values() {
            for typed in TYPES {
                lines.push((format!("let {name}{typed}\"{value}\" n"), *value, "n"));
            }
            for (open, close) in CONSTRUCTORS {
                for sign in [": ", " = ", "=", " => "] {
                    lines.push((format!("Cfg {{ {name}{sign}{open}{value}{close}, n"), *value, "n"));
                }
            }
        }
    }
    assert_covered(&redactor, &lines, &mut wrong);
    assert!(lines.len() >= 5000, "{} combinations", lines.len());
    assert!(
        wrong.is_empty(),
        "{} of {}, such as\n{}",
        wrong.len(),
        lines.len(),
        wrong[..wrong.len().min(60)].join("\n")
    );
}

/// The whole source of `redact`, examples included, without tests.
fn product(folder: &Path) -> String {
    let mut source = String::new();
    for entry in folder.read_dir().unwrap() {
        let path = entry.unwrap().path();
        if path.file_stem().unwrap() == "tests" {
            continue;
        }
        if path.is_dir() {
            source += &product(&path);
        } else {
            source += std::fs::read_to_string(&path).unwrap().split("#[cfg(test)]").next().unwrap();
        }
    }
    source
}

/// Goal: the lists contain more than the product's own tables.
#[test]
fn a_tenth_of_each_list_is_in_no_table_of_the_product() {
    let product = product(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src")).to_lowercase();
    // Only the letters of a name count: no table has the signs around it.
    let letters = |name: &&'static str| name.trim_matches(|sign: char| !sign.is_alphanumeric());
    let lists: [(&str, Vec<&str>); 6] = [
        ("names", NAMES.iter().map(letters).collect()),
        ("operators", OPERATORS.to_vec()),
        ("quotes", QUOTES.iter().map(|(open, _)| *open).filter(|open| !open.is_empty()).collect()),
        ("types", TYPES.to_vec()),
        ("constructors", CONSTRUCTORS.iter().map(|(open, _)| *open).collect()),
        ("values", VALUES.iter().chain(SPACED).copied().collect()),
    ];
    for (list, items) in lists {
        let in_product = |item: &&&str| {
            let item = item.to_lowercase();
            product.contains(&item) || product.contains(&item.escape_default().to_string())
        };
        let strange = items.iter().filter(|item| !in_product(item)).count();
        println!("{list}: {strange} of {} in no table", items.len());
        assert!(strange * 10 >= items.len(), "{list}: {strange} of {}", items.len());
    }
}

/// Names in Latin-1 are not UTF-8.
#[test]
fn names_in_latin_1_are_found() {
    let redactor = redactor(&["password"], &[], &[]);
    for line in [&b"contrase\xf1a=hunter2"[..], b"{\"CONTRASE\xd1A\":\"hunter2\"}"] {
        let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
        let redacted =
            redactor.redact(line, line.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
        let start = memchr::memmem::find(line, b"hunter2").unwrap();
        let pieces = redacted.pieces(TextRange::new(start, start + 7));
        assert!(pieces.into_iter().all(|piece| matches!(piece, Piece::Mask(_))), "{}", line.escape_ascii());
    }
}

/// Text between, before and after names and values, whole or in parts.
const FRAGMENTS: &[&str] = &[
    "set",
    "(",
    ")",
    "{",
    "}",
    "[",
    "]",
    "<",
    ">",
    "</",
    "name>",
    "<key>",
    "</key><string>",
    ":",
    ", ",
    "; ",
    " ",
    "\n",
    "\n  ",
    "\n- ",
    "\\n",
    "\\\"",
    "\"",
    "'",
    "`",
    "\"\"\"",
    "|",
    ">-",
    "!!str ",
    "&pw ",
    "!vault |",
    "var ",
    "string ",
    "str = ",
    "${",
    "}",
    "{{",
    "}}",
    "$(",
    "<%=",
    "a1=",
    "--",
    "value: ",
    "- name: ",
    "new ",
    "Some(",
    "string(3) ",
    " or ",
    " + ",
    "=",
    "**",
    ":private]",
    "<<",
    ">>",
    "....",
    "____",
    " -> ",
    "<redacted:password>",
    "<redacted:",
    "PWD=",
    "/srv",
    "is: ",
    "{:",
    "#{",
    "&quot;",
    "%3D",
    "é",
    "@",
];

/// Goal: no line causes a panic, and the prefilter selects each line with something to mask, whatever it contains.
#[test]
fn any_line_of_fragments_is_accepted_and_selected_by_the_prefilter() {
    let redactor = redactor(&["secrets"], &[], &[]);
    let mut dice = fastrand::Rng::with_seed(7);
    for _ in 0..5000 {
        let mut line = String::new();
        for _ in 0..dice.usize(1..14) {
            line += match dice.u8(0..8) {
                0 | 1 => dice.choice(NAMES),
                2 => dice.choice(OPERATORS),
                3 => dice.choice(VALUES),
                _ => dice.choice(FRAGMENTS),
            }
            .unwrap();
        }
        let (parsed, mut scratch) = (Parsed::default(), Scratch::default());
        redactor.redact(line.as_bytes(), line.len(), &parsed, TextHits::ALL, &mut PemState::default(), &mut scratch);
        redact(&redactor, &line.replace('\n', "\\n"));
    }
}
