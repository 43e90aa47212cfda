//! Keys of payment providers and shops.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "stripe",
        group: Group::Secrets,
        description: "Stripe's secret, restricted and organization keys (sk_live_…, rk_test_…, sk_org_… and so on), webhook secrets (whsec_…) and client secrets (pi_…_secret_…)",
        not_matched: "publishable keys (pk_…), ids of objects (cus_…)",
        patterns: &[
            plain(r"(?-u)(?:[rs]k|sk_org)_(?:live|test)_[A-Za-z0-9]{10,}"),
            plain(r"(?-u)whsec_[A-Za-z0-9+/=_-]{20,}"),
            plain(r"(?-u)\b(?:pi|seti|cs_test|cs_live)_[A-Za-z0-9]{8,}_secret_([A-Za-z0-9]{10,})"),
        ],
        positives: &[
            (concat!("charge with sk", "_live_", fake!(alnum 24), " ok"), "charge with <redacted:stripe> ok"),
            (concat!("rk", "_test_", fake!(alnum 24), ","), "<redacted:stripe>,"),
            (concat!("sk", "_org_live_", fake!(alnum 40)), "<redacted:stripe>"),
            (concat!("wh", "sec_", fake!(alnum 32)), "<redacted:stripe>"),
            (
                concat!("pi_", fake!(alnum 24), "_sec", "ret_", fake!(alnum 24)),
                concat!("pi_", fake!(alnum 24), "_secret_<redacted:stripe>"),
            ),
        ],
        negatives: &[
            concat!("pk", "_live_", fake!(alnum 24)),
            "sk_test_mode=1",
            "whsec_ is the prefix",
            "api_my_secret_store",
        ],
    },
    Detector {
        name: "square",
        group: Group::Secrets,
        description: "Square's access tokens (sq0atp-…, EAAA…) and OAuth secrets (sq0csp-…)",
        not_matched: "application ids (sq0idp-…)",
        patterns: &[
            plain(r"(?-u)sq0(?:at|cs)p-[A-Za-z0-9_-]{22,}"),
            checked(r"(?-u)\bEAAA[A-Za-z0-9_-]{60,}", validators::mixed),
        ],
        positives: &[
            (concat!("pay sq", "0atp-", fake!(alnum 20), "_x ok"), "pay <redacted:square> ok"),
            (concat!("pay EA", "AA", fake!(alnum 40), fake!(alnum 20), " ok"), "pay <redacted:square> ok"),
        ],
        negatives: &["sq0atp-none", concat!("sq0", "idp-", fake!(alnum 24)), concat!("EA", "AAshort")],
    },
    Detector {
        name: "braintree",
        group: Group::Secrets,
        description: "access tokens of Braintree and PayPal (access_token$production$…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)access_token\$(?:production|sandbox)\$[a-z0-9]{16}\$[0-9a-f]{32}")],
        positives: &[(
            concat!("with access_token$prod", "uction$", fake!(hex 16), "$", fake!(hex 32), " ok"),
            "with <redacted:braintree> ok",
        )],
        negatives: &["access_token$sandbox$none"],
    },
    Detector {
        name: "paypal",
        group: Group::Secrets,
        description: "PayPal's access tokens (A21AA…), client secrets after a keyword",
        not_matched: "client ids",
        patterns: &[
            plain(r"(?-u)A21AA[A-Za-z0-9_-]{60,}"),
            plain(concat!("(?x-u)(?i:paypal[a-z_.-]*secret)", is!(), "(E[A-Za-z0-9_-]{60,})")),
        ],
        positives: &[
            (concat!("token A2", "1AA", fake!(alnum 40), fake!(alnum 40), " ok"), "token <redacted:paypal> ok"),
            (concat!("PAYPAL_SECRET=E", fake!(alnum 40), fake!(alnum 40)), "PAYPAL_SECRET=<redacted:paypal>"),
        ],
        negatives: &["A21AAshort", "paypal secret rotated"],
    },
    Detector {
        name: "adyen",
        group: Group::Secrets,
        description: "Adyen's API keys (AQE…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bAQE[a-z][A-Za-z0-9+/=*-]{60,}(?:[^\s\x22',;]{0,60})", validators::random)],
        positives: &[(
            concat!("X-API-Key: AQ", "Ehm", fake!(alnum 40), fake!(alnum 40), "-", fake!(alnum 36), "="),
            "X-API-Key: <redacted:adyen>",
        )],
        negatives: &["AQEshort"],
    },
    Detector {
        name: "shopify",
        group: Group::Secrets,
        description: "Shopify's tokens (shpat_…, shpca_…, shppa_…, shpss_…, shpua_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)shp(?:at|ca|pa|ss|ua|tka|cs)_[A-Fa-f0-9]{32,}")],
        positives: &[
            (concat!("with shp", "at_", fake!(hex 32), " ok"), "with <redacted:shopify> ok"),
            (concat!("shp", "ss_", fake!(hex 32)), "<redacted:shopify>"),
        ],
        negatives: &["shpat_ is the prefix", "shpca_0a1b"],
    },
    Detector {
        name: "plaid",
        group: Group::Secrets,
        description: "Plaid's access, public and link tokens (access-production-… with a UUID), secrets after a keyword",
        not_matched: "client and item ids",
        patterns: &[
            plain(
                r"(?-u)(?:access|public|link|processor)-(?:sandbox|development|production)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            ),
            plain(concat!("(?x-u)(?i:plaid[a-z_.-]*secret)", is!(), "([0-9a-f]{30})")),
        ],
        positives: &[
            (concat!("item access-prod", "uction-", fake!(uuid), " ok"), "item <redacted:plaid> ok"),
            ("PLAID_SECRET=0a1b2c3d4e5f60718293a4b5c6d7e8 ok", "PLAID_SECRET=<redacted:plaid> ok"),
        ],
        negatives: &["access-production-eu1", "plaid secret rotated"],
    },
    Detector {
        name: "razorpay",
        group: Group::Secrets,
        description: "Razorpay's key ids with their secret (rzp_live_…:…), secrets after a keyword",
        not_matched: "key ids on their own",
        patterns: &[
            plain(r"(?-u)rzp_(?:live|test)_[A-Za-z0-9]{14}:([A-Za-z0-9]{20,})"),
            plain(concat!("(?x-u)(?i:razorpay[a-z_.-]*secret)", is!(), "([A-Za-z0-9]{20,})")),
        ],
        positives: &[
            (
                concat!("-u rz", "p_test_Fake0token1Fak:", fake!(alnum 24), " x"),
                concat!("-u rz", "p_test_Fake0token1Fak:<redacted:razorpay> x"),
            ),
            (concat!("RAZORPAY_KEY_SECRET=", fake!(alnum 24)), "RAZORPAY_KEY_SECRET=<redacted:razorpay>"),
        ],
        negatives: &["rzp_test_Fake0token1Fak used"],
    },
    Detector {
        name: "mollie",
        group: Group::Secrets,
        description: "API keys of Mollie (live_…, test_… with 30 characters), GoCardless' tokens (live_… with 40)",
        not_matched: "words that end in live_ or test_, and lower-case names after it",
        patterns: &[checked(r"(?-u)\b(?:live|test)_([A-Za-z0-9_-]{30,})", validators::mixed)],
        positives: &[
            ("key live_Fake0token1Fake2token3Fake4tok ok", "key live_<redacted:mollie> ok"),
            (concat!("test_", fake!(alnum 40)), "test_<redacted:mollie>"),
        ],
        negatives: &[
            "test_that_a_long_name_of_a_function_stays_whole_1",
            "live_stream=1",
            concat!("my_test_", fake!(alnum 40)),
        ],
    },
    Detector {
        name: "flutterwave",
        group: Group::Secrets,
        description: "Flutterwave's secret keys (FLWSECK-…, FLWSECK_TEST-…)",
        not_matched: "public keys (FLWPUBK-…)",
        patterns: &[plain(r"(?-u)FLWSECK(?:_TEST)?-[A-Za-z0-9]{12,}(?:-X)?")],
        positives: &[(concat!("FLW", "SECK-", fake!(hex 32), "-X ok"), "<redacted:flutterwave> ok")],
        negatives: &["FLWSECK-none", concat!("FLW", "PUBK-", fake!(hex 32), "-X")],
    },
    Detector {
        name: "shippo",
        group: Group::Secrets,
        description: "Shippo's API keys (shippo_live_…, shippo_test_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)shippo_(?:live|test)_[A-Za-z0-9]{20,}", validators::random)],
        positives: &[(concat!("label ship", "po_live_", fake!(hex 40), " ok"), "label <redacted:shippo> ok")],
        negatives: &["shippo_test_mode=1"],
    },
];
