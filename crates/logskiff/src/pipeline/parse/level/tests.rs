use super::*;

#[track_caller]
fn check(scale: Scale, texts: &str, expected: Option<Level>) {
    let levels = Levels::new(&[]);
    for text in texts.split_whitespace() {
        assert_eq!(levels.read(text.as_bytes(), scale), expected, "{text}");
    }
}

#[test]
fn words_in_any_case() {
    for (words, expected) in [
        ("trace Verbose FINEST T trc TRCE vrb silly", Some(Trace)),
        ("debug fine d DBG dbug FINER CONFIG http", Some(Debug)),
        ("info Information informational i INF note LOG System success", Some(Info)),
        ("notice NOTICE", Some(Notice)),
        ("warn WARNING w WRN", Some(Warn)),
        ("error err SEVERE e eror FAIL exception", Some(Error)),
        ("fatal critical crit f FTL crse DPANIC", Some(Fatal)),
        ("alert ALERT", Some(Alert)),
        ("emerg emergency PANIC", Some(Emergency)),
        ("x infos informationalinformational none notset default mark audit ok ERRORS errr -1", None),
    ] {
        check(Scale::Words, words, expected);
        check(Scale::Common, words, expected);
    }
    assert_eq!(Levels::new(&[]).read(b" INFO ", Scale::Common), Some(Info));
    assert_eq!(Levels::new(&[]).read(b"", Scale::Common), None);
}

#[test]
fn words_with_offsets_and_degrees() {
    check(Scale::Words, "DEBUG-4 debug-1 TRACE3 trace1", Some(Trace));
    check(Scale::Words, "DEBUG+0 DEBUG+3 INFO-4 INFO-1 D1 d5 DEBUG2", Some(Debug));
    check(Scale::Words, "INFO+2 DEBUG+4 WARN-4 INFO4", Some(Info));
    check(Scale::Words, "WARN+1 ERROR-1 INFO+4 WARN3", Some(Warn));
    check(Scale::Words, "ERROR+3 ERROR2 WARN+4", Some(Error));
    check(Scale::Words, "ERROR+4 ERROR+99 fatal3", Some(Fatal));
    check(Scale::Words, "E1128 I2 debug22 info+ info+100 +2 critical2 d10 http2", None);
}

#[test]
fn numbers_by_their_scale() {
    let all = [Trace, Debug, Info, Notice, Warn, Error, Fatal, Alert, Emergency].map(Some);
    let check_all = |scale, numbers: [&str; 9], others: &str| {
        for (numbers, level) in numbers.into_iter().zip(all) {
            check(scale, numbers, level);
        }
        check(scale, others, None);
    };
    check_all(
        Scale::Common,
        [
            "10 19 5000",
            "7 20 25 100 199 10000",
            "6 30 35 200 20000",
            "5 250",
            "4 40 45 300 30000",
            "3 50 400 40000",
            "2 60 500 50000",
            "1 550",
            "0 600",
        ],
        "8 9 70 99 601 1000 4999 50001 99999 9999999 4294967297 3.5 0x10 1e1",
    );
    check_all(Scale::Syslog, ["", "7", "6", "5", "4", "3", "2", "1", "0"], "8 10 30");
    check_all(
        Scale::Severity,
        ["", "7 100", "6 200", "5 300", "4 400", "3 500", "2 600", "1 700", "0 800"],
        "9 17 99 801",
    );
    check_all(Scale::Otel, ["1 4", "5 8", "9 12", "", "13 16", "17 20", "21 24", "", ""], "0 25 100");
    check_all(Scale::Python, ["5", "10 15", "20 25", "", "30", "40", "50", "", ""], "0 60");
    check_all(Scale::Dotnet, ["0", "1", "2", "", "3", "4", "5", "", ""], "6 30");
    check_all(Scale::Words, [""; 9], "0 3 10 30 200 404");
}

#[test]
fn configured_words_come_first() {
    let map = [("trc".to_owned(), Debug), ("Audit".to_owned(), Warn), ("7".to_owned(), Error)];
    let levels = Levels::new(&map);
    let check = |text: &str, expected| assert_eq!(levels.read(text.as_bytes(), Scale::Words), expected, "{text}");
    check("TRC", Some(Debug));
    check("audit", Some(Warn));
    check("7", Some(Error));
    check("77", None);
    check("info", Some(Info));
}
