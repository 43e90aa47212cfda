//! Every detector matches its positive examples, and leaves negative examples and ordinary lines unchanged.

use super::*;

#[test]
fn every_detector_passes_its_examples() {
    let everything = all_on();
    let mut names = Vec::new();
    for detector in detectors() {
        let alone = redactor(&[detector.name], &[], &[]);
        assert!(!detector.positives.is_empty() && !detector.negatives.is_empty(), "{}: no examples", detector.name);
        assert!(!names.contains(&detector.name), "{} is defined twice", detector.name);
        names.push(detector.name);
        for (text, expected) in detector.positives {
            assert_eq!(redact(&alone, text), *expected, "{}: {text}", detector.name);
            assert_eq!(redact(&alone, expected), *expected, "{}: redacted twice: {text}", detector.name);
            assert_ne!(redact(everything, text), *text, "{}, among all: {text}", detector.name);
        }
        for text in detector.negatives {
            assert_eq!(redact(&alone, text), *text, "{}: a false positive", detector.name);
        }
    }
}

/// All patterns are compiled lazily, so each must be shown to compile.
#[test]
fn every_pattern_compiles() {
    for pattern in detectors().flat_map(|detector| detector.patterns) {
        let regex = rule::compile(pattern.regex).expect(pattern.regex);
        assert!(!regex.is_match(b""), "matches the empty text: {}", pattern.regex);
    }
}

/// Goal: the lines that the prefilter selects are those with a match, in texts that each pattern itself makes.
#[test]
fn the_prefilter_selects_every_text_of_a_pattern() {
    let everything = all_on();
    let mut dice = fastrand::Rng::with_seed(8);
    for pattern in detectors().flat_map(|detector| detector.patterns) {
        let regex = rule::compile(pattern.regex).expect(pattern.regex);
        for _ in 0..200 {
            let text = figures::text_of(pattern.regex, &mut dice);
            let Some(found) = regex.find(text.as_bytes()) else { continue };
            let mut is_masked = pattern.check.is_none();
            if let Some(check) = pattern.check {
                let budget = validators::Budget::new(text.len());
                check(validators::Text::new(text.as_bytes(), &budget), found.range(), &mut |_| is_masked = true);
            }
            if is_masked {
                assert!(is_hit(everything, text.as_bytes()), "{}: {text:?}", pattern.regex);
            }
        }
    }
}

#[test]
fn ordinary_lines_stay_unchanged() {
    let everything = all_on();
    for text in [
        "2026-11-23T21:15:51.123456789Z INFO [http-nio-8080-exec-12] c.e.shop.OrderService - Token refreshed seq=17",
        "ts=1763931351123 us=1763931351123456 ns=1763931351123456789 duration=0.4539578763621486",
        "request 4f9c1f6e-8b1d-4c4e-9f31-c2aa00000000 trace 4bf92f3577b34da6a3ce929d0e0e4736 span 00f067aa0ba902b7",
        "commit 9fceb02d0ae598e95dc970b74767f19372d61af8, sha256:2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824",
        "pod shop-api-7d4b9c6f5d-x2x7k in kube-system on ip-10-0-12-7.eu-west-1.compute.internal restarted 3 times",
        "image registry.example.com:5000/shop/api:v1.42.0-rc.1+build.2026 pulled in 1.5s",
        r#"shop-api-1 - - [23/Nov/2026:21:15:51 +0000] "GET /cart?seq=99 HTTP/1.1" 200 79999 "https://shop.example.com/" "curl/8.9.1" 0.123"#,
        "order 20261123000017 customer 100000000012345 invoice INV-2026-0000042 iban-check passed",
        "the password was changed; tokens left: 12; secretRef db; basic auth disabled; bearer scheme",
        "\tat com.example.shop.Frame11.call(Frame11.java:899)",
        "listening on http://0.0.0.0:8080, admin on [::1]:9090, user@host:/srv copied 12 files",
    ] {
        assert_eq!(redact(everything, text), text);
    }
}
