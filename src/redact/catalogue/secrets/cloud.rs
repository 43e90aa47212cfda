//! Keys of cloud and hosting providers.

use super::super::super::check;
use super::super::{Detector, Group, Trigger, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "aws",
        group: Group::Secrets,
        finds: "AWS access key ids (AKIA…, ASIA…), the 40 characters of a secret key after a telling name, session tokens",
        leaves: "40 characters on their own, which may be a commit's hash",
        trigger: Trigger::Shape(
            r#"(?-u)A(?:KI|SI|BI|CC)A[A-Z0-9]{12}|(?i:secret|aws)[A-Za-z_. -]*(?:\\*["'])?\]?[ \t]*(?:[=:]|%3[ad])|IQoJb3JpZ2lu|FwoGZXIvYXdz"#,
        ),
        patterns: &[
            plain(r"(?-u)A(?:KI|SI|BI|CC)A[A-Z0-9]{16}"),
            plain(
                r#"(?x-u)
                    (?i:secret|aws)[A-Za-z_.\ -]*(?:\\*["'])?\]?[\ \t]*(?:=>|[=:]|%3[aAdD])[\ \t]*(?:\\*["'])?
                    ([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)"#,
            ),
            plain(r"(?-u)(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+_%-]{20,}=*"),
        ],
        hits: &[
            ("id AKIAIOSFODNN7EXAMPLE used", "id <redacted:aws> used"),
            (
                "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                "aws_secret_access_key = <redacted:aws>",
            ),
            (
                r#"{"SecretAccessKey":"wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"}"#,
                r#"{"SecretAccessKey":"<redacted:aws>"}"#,
            ),
            (concat!("st=IQoJb3Jp", "Z2lu", fake!(alnum 40), "== ok"), "st=<redacted:aws> ok"),
        ],
        misses: &[
            "commit 9f31c2aa00000000000000000000000000000000",
            "ASIA is a continent",
            "secret: 9f31c2aa000000000000000000000000000000001",
        ],
    },
    Detector {
        name: "aws_signature",
        group: Group::Secrets,
        finds: "the signature of a signed AWS request: X-Amz-Signature= in a URL, Signature= in its authorization header",
        leaves: "64 hexadecimal characters on their own, which may be a digest",
        trigger: Trigger::Shape(r"(?-u)Signature(?:=|%3[dD])[0-9a-f]{8}"),
        patterns: &[plain(r"(?-u)Signature(?:=|%3[dD])([0-9a-f]{64})")],
        hits: &[
            (concat!("?X-Amz-Signature=", fake!(hex 64), "&x=1"), "?X-Amz-Signature=<redacted:aws_signature>&x=1"),
            (
                concat!("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=", fake!(hex 64)),
                "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=<redacted:aws_signature>",
            ),
        ],
        misses: &["Signature=valid", concat!("digest ", fake!(hex 64)), "Signature=0a1b2c3d is short"],
    },
    Detector {
        name: "gcp",
        group: Group::Secrets,
        finds: "Google API keys (AIza…), OAuth access and refresh tokens (ya29.…, 1//0…), OAuth client secrets (GOCSPX-…), the \
                private_key_id of a service account",
        leaves: "project ids, client ids",
        trigger: Trigger::Shape(
            r"(?-u)AIza[A-Za-z0-9_-]|ya29\.[A-Za-z0-9_-]|//0[A-Za-z0-9_-]{12}|GOCSPX-|private_key_id",
        ),
        patterns: &[
            plain(r"(?-u)AIza[A-Za-z0-9_-]{35,}"),
            plain(r"(?-u)ya29\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)*"),
            plain(r"(?-u)1//0[A-Za-z0-9_-]{30,}"),
            plain(r"(?-u)GOCSPX-[A-Za-z0-9_-]{20,}"),
            plain(concat!("(?x-u)private_key_id", is!(), "([0-9a-f]{40})")),
        ],
        hits: &[
            (concat!("?key=AI", "za", fake!(alnum 32), "_-Z&x=1"), "?key=<redacted:gcp>&x=1"),
            (concat!("got ya2", "9.a0", fake!(alnum 32), "-x ok"), "got <redacted:gcp> ok"),
            (concat!("refresh 1/", "/0e", fake!(alnum 40)), "refresh <redacted:gcp>"),
            (concat!("GOC", "SPX-", fake!(alnum 24), "_a-b done"), "<redacted:gcp> done"),
            (concat!(r#"{"private_key_id": ""#, fake!(hex 40), r#""}"#), r#"{"private_key_id": "<redacted:gcp>"}"#),
        ],
        misses: &["AIza is a prefix", "ya29.short", "http://a/1//0.html", "private_key_id missing", "GOCSPX-none"],
    },
    Detector {
        name: "firebase",
        group: Group::Secrets,
        finds: "server keys of Firebase Cloud Messaging (AAAA…:APA91b…)",
        leaves: "the sender's id",
        trigger: Trigger::Literals(&[":APA91b"]),
        patterns: &[plain(r"(?-u)[A-Za-z0-9_-]{11,}:APA91b[A-Za-z0-9_-]{100,}")],
        hits: &[(
            concat!("send AAAAfake0to:AP", "A91b", fake!(alnum 40), fake!(alnum 40), fake!(alnum 40), " ok"),
            "send <redacted:firebase> ok",
        )],
        misses: &["the prefix is :APA91b", "AAAAfake0to:APA91bShort"],
    },
    Detector {
        name: "azure",
        group: Group::Secrets,
        finds: "Azure account and shared access keys (AccountKey=, SharedAccessKey=), SAS signatures (sig=), client secrets of \
                Entra ID (…Q~…), keys with the mark JQQJ9",
        leaves: "tenant, client and subscription ids",
        trigger: Trigger::Shape(
            r"(?-u)(?i:accountkey|accesskey)=|[?&;]sig=[A-Za-z0-9%/+]{8}|Q~[A-Za-z0-9_~.-]{8}|JQQJ9[9D]",
        ),
        patterns: &[
            plain(r"(?-u)(?i:accountkey|accesskey)=([A-Za-z0-9+/%]{20,}=*)"),
            plain(r"(?-u)[?&;]sig=([A-Za-z0-9%/+_-]{20,}=*)"),
            plain(r"(?-u)[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
            plain(r"(?-u)[A-Za-z0-9]{40,}JQQJ9[9D][A-Za-z0-9]{10,}"),
        ],
        hits: &[
            (
                concat!("AccountName=a;AccountKey=", fake!(alnum 40), fake!(alnum 40), "abcdef==;E=x"),
                "AccountName=a;AccountKey=<redacted:azure>;E=x",
            ),
            (concat!("?sv=2026-01-01&sig=", fake!(alnum 40), "%3D&se=1"), "?sv=2026-01-01&sig=<redacted:azure>&se=1"),
            (concat!("secret was fk0", "8Q~", fake!(alnum 32), "-_ ok"), "secret was <redacted:azure> ok"),
            (
                concat!("key ", fake!(alnum 36), fake!(alnum 16), "JQQ", "J99", "BAACYeBjFX", fake!(alnum 16), "."),
                "key <redacted:azure>.",
            ),
        ],
        misses: &["?sig=short&x=1", "AccountKey=none", concat!("tenant ", fake!(uuid)), "abc1Q~short"],
    },
    Detector {
        name: "digitalocean",
        group: Group::Secrets,
        finds: "DigitalOcean's personal, OAuth and refresh tokens (dop_v1_…, doo_v1_…, dor_v1_…)",
        leaves: "",
        trigger: Trigger::Literals(&["dop_v1_", "doo_v1_", "dor_v1_"]),
        patterns: &[plain(r"(?-u)do[opr]_v1_[A-Fa-f0-9]{64,}")],
        hits: &[
            (concat!("with dop", "_v1_", fake!(hex 64), " ok"), "with <redacted:digitalocean> ok"),
            (concat!("dor", "_v1_", fake!(hex 64)), "<redacted:digitalocean>"),
        ],
        misses: &["dop_v1_ is the prefix", "dop_v1_0a1b"],
    },
    Detector {
        name: "alibaba",
        group: Group::Secrets,
        finds: "Alibaba Cloud's access key ids (LTAI…) and the 30 characters of a secret after a telling name",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)LTAI[A-Za-z0-9]{12}|(?i:(?:ali(?:yun|cloud|baba)|oss)[a-z_.-]*secret)"),
        patterns: &[
            plain(r"(?-u)LTAI[A-Za-z0-9]{12,26}"),
            plain(concat!("(?x-u)(?i:(?:ali(?:yun|cloud|baba)|oss)[a-z_.-]*secret)", is!(), "([A-Za-z0-9]{30})")),
        ],
        hits: &[
            (concat!("id LT", "AI5t", fake!(alnum 16), " used"), "id <redacted:alibaba> used"),
            ("ALIYUN_SECRET=Fake0token1Fake2token3Fake4tok", "ALIYUN_SECRET=<redacted:alibaba>"),
        ],
        misses: &["LTAI is short", "alicloud secret rotated"],
    },
    Detector {
        name: "tencent",
        group: Group::Secrets,
        finds: "Tencent Cloud's secret ids (AKID…)",
        leaves: "the key that goes with it, unless a telling name stands before it",
        trigger: Trigger::Shape(r"(?-u)AKID[A-Za-z0-9]{12}"),
        patterns: &[plain(r"(?-u)AKID[A-Za-z0-9]{28,36}")],
        hits: &[(concat!("id AK", "ID", fake!(alnum 32), " ok"), "id <redacted:tencent> ok")],
        misses: &["AKID", "AKIDshort0"],
    },
    Detector {
        name: "yandex",
        group: Group::Secrets,
        finds: "Yandex Cloud's API keys (AQVN…), IAM tokens (t1.…) and OAuth tokens (y0_…)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)AQVN[A-Za-z0-9_-]{12}|t1\.[A-Za-z0-9_=-]{8}|y0_[A-Za-z0-9_-]{12}"),
        patterns: &[
            plain(r"(?-u)AQVN[A-Za-z0-9_-]{30,}"),
            plain(r"(?-u)t1\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]{60,}={0,2}"),
            plain(r"(?-u)y0_[A-Za-z0-9_-]{30,}"),
        ],
        hits: &[
            (concat!("key AQ", "VN", fake!(alnum 36), "."), "key <redacted:yandex>."),
            (concat!("t", "1.9euelZqFake.", fake!(alnum 40), fake!(alnum 40), "-_ab ok"), "<redacted:yandex> ok"),
            (concat!("y", "0_AgAAAA", fake!(alnum 40)), "<redacted:yandex>"),
        ],
        misses: &["AQVN", "t1.micro.large", "y0_offset"],
    },
    Detector {
        name: "cloudflare",
        group: Group::Secrets,
        finds: "Cloudflare's origin CA keys (v1.0-…), and API keys and tokens after a telling name",
        leaves: "zone and account ids",
        trigger: Trigger::Shape(
            r"(?-u)v1\.0-[0-9a-f]{12}|(?i:cloudflare|cf_)[A-Za-z0-9_.-]*(?i:key|token)|(?i:x-auth-key)",
        ),
        patterns: &[
            plain(r"(?-u)v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"),
            plain(concat!(
                "(?x-u)(?i:(?:cloudflare|\\bcf_)[a-z0-9_.-]*(?:key|token)|x-auth-key)",
                is!(),
                "([A-Za-z0-9_-]{37,40})"
            )),
        ],
        hits: &[
            (
                concat!(
                    "ca v1",
                    ".0-",
                    fake!(hex 8),
                    fake!(hex 16),
                    "-",
                    fake!(hex 64),
                    fake!(hex 64),
                    fake!(hex 16),
                    " x"
                ),
                "ca <redacted:cloudflare> x",
            ),
            (concat!("CLOUDFLARE_API_TOKEN=", fake!(alnum 40)), "CLOUDFLARE_API_TOKEN=<redacted:cloudflare>"),
            (concat!("CF_API_KEY: ", fake!(hex 32), "01234"), "CF_API_KEY: <redacted:cloudflare>"),
        ],
        misses: &[
            "v1.0-rc1",
            "cloudflare token expired",
            concat!("cf-ray: ", fake!(hex 16), "-FRA"),
            "CF_API_KEY=unset",
        ],
    },
    Detector {
        name: "heroku",
        group: Group::Secrets,
        finds: "Heroku's tokens (HRKU-…), and API keys in the form of a UUID after a telling name",
        leaves: "UUIDs on their own",
        trigger: Trigger::Shape(r"(?-u)HRKU-|(?i:heroku)[A-Za-z0-9_.-]*(?i:key|token)"),
        patterns: &[
            plain(r"(?-u)HRKU-[A-Za-z0-9_-]{36,}"),
            plain(concat!(
                "(?x-u)(?i:heroku[a-z0-9_.-]*(?:key|token))",
                is!(),
                "([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"
            )),
        ],
        hits: &[
            (concat!("login HR", "KU-AA", fake!(alnum 40), " ok"), "login <redacted:heroku> ok"),
            (concat!("HEROKU_API_KEY=", fake!(uuid)), "HEROKU_API_KEY=<redacted:heroku>"),
        ],
        misses: &[concat!("heroku[router] request_id=", fake!(uuid)), "HRKU-none"],
    },
    Detector {
        name: "fly",
        group: Group::Secrets,
        finds: "Fly.io's tokens (FlyV1 …, fm1_…, fm2_…, fo1_…)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)(?:fm[12][ar]?|fo1)_[A-Za-z0-9+/=_-]{12}"),
        patterns: &[plain(r"(?-u)(?:fm[12][ar]?|fo1)_[A-Za-z0-9+/=_-]{20,}(?:,fm[12][ar]?_[A-Za-z0-9+/=_-]{20,})*")],
        hits: &[
            (
                concat!("FlyV1 fm", "2_", fake!(alnum 40), "==,fm", "2_", fake!(alnum 40), " ok"),
                "FlyV1 <redacted:fly> ok",
            ),
            (concat!("fo", "1_", fake!(alnum 40)), "<redacted:fly>"),
        ],
        misses: &["fm1_band", "fo1_x"],
    },
    Detector {
        name: "netlify",
        group: Group::Secrets,
        finds: "Netlify's personal access tokens (nfp_…)",
        leaves: "",
        trigger: Trigger::Literals(&["nfp_"]),
        patterns: &[plain(r"(?-u)nfp_[A-Za-z0-9_-]{36,}")],
        hits: &[(concat!("with nf", "p_", fake!(alnum 36), " ok"), "with <redacted:netlify> ok")],
        misses: &["nfp_status=ok"],
    },
    Detector {
        name: "supabase",
        group: Group::Secrets,
        finds: "Supabase's access tokens (sbp_…) and secret keys (sb_secret_…)",
        leaves: "publishable keys (sb_publishable_…)",
        trigger: Trigger::Literals(&["sbp_", "sb_secret_"]),
        patterns: &[plain(r"(?-u)sbp_(?:v0_|oauth_)?[0-9a-f]{40,}"), plain(r"(?-u)sb_secret_[A-Za-z0-9_-]{20,}")],
        hits: &[
            (concat!("t=sb", "p_", fake!(hex 40)), "t=<redacted:supabase>"),
            (concat!("use sb_", "secret_", fake!(alnum 24), "_Ab12 ok"), "use <redacted:supabase> ok"),
        ],
        misses: &["sbp_mode=1", "sb_secret_name=a", concat!("sb_publish", "able_", fake!(alnum 24))],
    },
    Detector {
        name: "planetscale",
        group: Group::Secrets,
        finds: "PlanetScale's service tokens, OAuth tokens and database passwords (pscale_tkn_…, pscale_oauth_…, pscale_pw_…)",
        leaves: "",
        trigger: Trigger::Literals(&["pscale_tkn_", "pscale_oauth_", "pscale_pw_"]),
        patterns: &[plain(r"(?-u)pscale_(?:tkn|oauth|pw)_[A-Za-z0-9=._-]{32,}")],
        hits: &[
            (concat!("use psc", "ale_tkn_", fake!(alnum 40), " ok"), "use <redacted:planetscale> ok"),
            (concat!("psc", "ale_pw_", fake!(alnum 40)), "<redacted:planetscale>"),
        ],
        misses: &["pscale_pw_ rotated", "pscale_tkn_id=7"],
    },
    Detector {
        name: "render",
        group: Group::Secrets,
        finds: "Render's API keys (rnd_…)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)rnd_[A-Za-z0-9]{12}"),
        patterns: &[checked(r"(?-u)rnd_[A-Za-z0-9]{28,}", check::random)],
        hits: &[(concat!("key rn", "d_", fake!(alnum 32), " ok"), "key <redacted:render> ok")],
        misses: &["rnd_seed=17", "rnd_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    },
    Detector {
        name: "scaleway",
        group: Group::Secrets,
        finds: "Scaleway's secret keys: a UUID after SCW_SECRET_KEY or secret_key",
        leaves: "UUIDs on their own, access key ids (SCW…)",
        trigger: Trigger::Shape(r"(?-u)(?i:scw_secret_key|scaleway[a-z_.-]*secret)"),
        patterns: &[plain(concat!(
            "(?x-u)(?i:scw_secret_key|scaleway[a-z_.-]*secret[a-z_.-]*)",
            is!(),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
        ))],
        hits: &[(concat!("SCW_SECRET_KEY=", fake!(uuid), " up"), "SCW_SECRET_KEY=<redacted:scaleway> up")],
        misses: &[concat!("project ", fake!(uuid)), "SCW_SECRET_KEY is not set"],
    },
];
