//! Keys of cloud and hosting providers.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "aws",
        group: Group::Secrets,
        description: "AWS access key ids (AKIA…, ASIA…), the 40 characters of a secret key after a keyword, session tokens, API keys \
                of Bedrock (ABSK…, bedrock-api-key-…)",
        not_matched: "40 characters on their own, which may be a commit's hash",
        patterns: &[
            plain(r"(?-u)A(?:KI|SI|BI|CC)A[A-Z0-9]{16}"),
            plain(
                r#"(?x-u)
                    (?i:secret|aws)[A-Za-z_.\ -]*(?:\\*["'])?\]?[\ \t]*(?:=>|[=:]|%3[aAdD])[\ \t]*(?:\\*["'])?
                    ([A-Za-z0-9/+]{40})(?:[^A-Za-z0-9/+=]|\z)"#,
            ),
            plain(r"(?-u)(?:IQoJb3JpZ2lu|FwoGZXIvYXdz)[A-Za-z0-9/+_%-]{20,}=*"),
            // ABSK and Base64 of BedrockAPIKey-…:…
            checked(r"(?-u)\bABSK[A-Za-z0-9+/]{60,}={0,2}", validators::mixed),
            plain(r"(?-u)bedrock-api-key-[A-Za-z0-9+/_-]{40,}={0,2}"),
        ],
        positives: &[
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
            (concat!("ask AB", "SKQmVk", fake!(alnum 40), fake!(alnum 40), "= ok"), "ask <redacted:aws> ok"),
            (concat!("bedrock-api", "-key-YmVk", fake!(alnum 40), "=="), "<redacted:aws>"),
        ],
        negatives: &[
            "commit 9f31c2aa00000000000000000000000000000000",
            "ASIA is a continent",
            "bedrock-api-key-rotation done",
            "ABSK",
            "secret: 9f31c2aa000000000000000000000000000000001",
        ],
    },
    Detector {
        name: "aws_signature",
        group: Group::Secrets,
        description: "the signature of a signed AWS request: X-Amz-Signature= in a URL, Signature= in its authorization header",
        not_matched: "64 hexadecimal characters on their own, which may be a digest",
        patterns: &[plain(r"(?-u)Signature(?:=|%3[dD])([0-9a-f]{64})")],
        positives: &[
            (concat!("?X-Amz-Signature=", fake!(hex 64), "&x=1"), "?X-Amz-Signature=<redacted:aws_signature>&x=1"),
            (
                concat!("AWS4-HMAC-SHA256 SignedHeaders=host, Signature=", fake!(hex 64)),
                "AWS4-HMAC-SHA256 SignedHeaders=host, Signature=<redacted:aws_signature>",
            ),
        ],
        negatives: &["Signature=valid", concat!("digest ", fake!(hex 64)), "Signature=0a1b2c3d is short"],
    },
    Detector {
        name: "gcp",
        group: Group::Secrets,
        description: "Google API keys (AIza…, AQ.Ab…), OAuth access and refresh tokens (ya29.…, 1//0…), OAuth client secrets (GOCSPX-…), the \
                private_key_id of a service account",
        not_matched: "project ids, client ids",
        patterns: &[
            plain(r"(?-u)AIza[A-Za-z0-9_-]{35,}"),
            plain(r"(?-u)\bAQ\.Ab[A-Za-z0-9_-]{40,}"),
            plain(r"(?-u)ya29\.[A-Za-z0-9_-]{20,}(?:\.[A-Za-z0-9_-]+)*"),
            plain(r"(?-u)1//0[A-Za-z0-9_-]{30,}"),
            plain(r"(?-u)GOCSPX-[A-Za-z0-9_-]{20,}"),
            plain(concat!("(?x-u)private_key_id", is!(), "([0-9a-f]{40})")),
        ],
        positives: &[
            (concat!("?key=AI", "za", fake!(alnum 32), "_-Z&x=1"), "?key=<redacted:gcp>&x=1"),
            (concat!("ask AQ", ".Ab8", fake!(alnum 40), "_-Fak ok"), "ask <redacted:gcp> ok"),
            (concat!("got ya2", "9.a0", fake!(alnum 32), "-x ok"), "got <redacted:gcp> ok"),
            (concat!("refresh 1/", "/0e", fake!(alnum 40)), "refresh <redacted:gcp>"),
            (concat!("GOC", "SPX-", fake!(alnum 24), "_a-b done"), "<redacted:gcp> done"),
            (concat!(r#"{"private_key_id": ""#, fake!(hex 40), r#""}"#), r#"{"private_key_id": "<redacted:gcp>"}"#),
        ],
        negatives: &[
            "AIza is a prefix",
            "FAQ.About_this_page",
            "ya29.short",
            "http://a/1//0.html",
            "private_key_id missing",
            "GOCSPX-none",
        ],
    },
    Detector {
        name: "firebase",
        group: Group::Secrets,
        description: "server keys of Firebase Cloud Messaging (AAAA…:APA91b…)",
        not_matched: "the sender's id",
        patterns: &[plain(r"(?-u)[A-Za-z0-9_-]{11,}:APA91b[A-Za-z0-9_-]{100,}")],
        positives: &[(
            concat!("send AAAAfake0to:AP", "A91b", fake!(alnum 40), fake!(alnum 40), fake!(alnum 40), " ok"),
            "send <redacted:firebase> ok",
        )],
        negatives: &["the prefix is :APA91b", "AAAAfake0to:APA91bShort"],
    },
    Detector {
        name: "azure",
        group: Group::Secrets,
        description: "Azure account and shared access keys (AccountKey=, SharedAccessKey=), SAS signatures (sig=), client secrets of \
                Entra ID (…Q~…), keys with their service's mark (+ASt, ACDb, APIM, +ASb, AIoT, AzFu, AzSe and so \
                on) or JQQJ9",
        not_matched: "tenant, client and subscription ids",
        patterns: &[
            plain(r"(?-u)(?i:accountkey|accesskey)=([A-Za-z0-9+/%]{20,}=*)"),
            plain(r"(?-u)[?&;]sig=([A-Za-z0-9%/+_-]{20,}=*)"),
            plain(r"(?-u)[A-Za-z0-9_~.-]{3}[0-9]Q~[A-Za-z0-9_~.-]{31,34}"),
            plain(r"(?-u)[A-Za-z0-9]{40,}JQQJ9[9D][A-Za-z0-9]{10,}"),
            // Base64 of 64, 32, 40 and 39 bytes. The service's signature stands before the last six characters, a
            // checksum.
            plain(r"(?-u)[A-Za-z0-9+/]{76}(?:APIM|ACDb|\+A(?:Ba|MC|St))[A-Za-z0-9+/]{6}=="),
            plain(r"(?-u)[A-Za-z0-9+/]{33}(?:AIoT|AzCa|\+A(?:Eh|Rm|Sb))[A-Za-z0-9+/]{6}="),
            plain(r"(?-u)[A-Za-z0-9_-]{44}AzFu[A-Za-z0-9_-]{6}=="),
            plain(r"(?-u)\b[A-Za-z0-9+/]{42}(?:AzSe|\+ACR)[A-Za-z0-9+/]{6}\b"),
        ],
        positives: &[
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
            (concat!("key ", fake!(alnum 36), fake!(alnum 40), "+A", "StFake0A== ok"), "key <redacted:azure> ok"),
            (concat!("bus ", fake!(alnum 32), "0+A", "SbAFake0="), "bus <redacted:azure>"),
            (concat!("find ", fake!(alnum 40), "to", "Az", "SeBFake0 ok"), "find <redacted:azure> ok"),
        ],
        negatives: &[
            "?sig=short&x=1",
            "AccountKey=none",
            concat!("tenant ", fake!(uuid)),
            "abc1Q~short",
            "AIoT and APIM",
            "AzSeBFake0",
        ],
    },
    Detector {
        name: "digitalocean",
        group: Group::Secrets,
        description: "DigitalOcean's personal, OAuth and refresh tokens (dop_v1_…, doo_v1_…, dor_v1_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)do[opr]_v1_[A-Fa-f0-9]{64,}")],
        positives: &[
            (concat!("with dop", "_v1_", fake!(hex 64), " ok"), "with <redacted:digitalocean> ok"),
            (concat!("dor", "_v1_", fake!(hex 64)), "<redacted:digitalocean>"),
        ],
        negatives: &["dop_v1_ is the prefix", "dop_v1_0a1b"],
    },
    Detector {
        name: "alibaba",
        group: Group::Secrets,
        description: "Alibaba Cloud's access key ids (LTAI…) and the 30 characters of a secret after a keyword",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)LTAI[A-Za-z0-9]{12,26}"),
            plain(concat!("(?x-u)(?i:(?:ali(?:yun|cloud|baba)|oss)[a-z_.-]*secret)", is!(), "([A-Za-z0-9]{30})")),
        ],
        positives: &[
            (concat!("id LT", "AI5t", fake!(alnum 16), " used"), "id <redacted:alibaba> used"),
            ("ALIYUN_SECRET=Fake0token1Fake2token3Fake4tok", "ALIYUN_SECRET=<redacted:alibaba>"),
        ],
        negatives: &["LTAI is short", "alicloud secret rotated"],
    },
    Detector {
        name: "tencent",
        group: Group::Secrets,
        description: "Tencent Cloud's secret ids (AKID…), also temporary ones",
        not_matched: "the secret key, unless a keyword precedes it",
        patterns: &[plain(r"(?-u)\bAKID[A-Za-z0-9_-]{28,}")],
        positives: &[(concat!("id AK", "ID", fake!(alnum 32), " ok"), "id <redacted:tencent> ok")],
        negatives: &["AKID", "AKIDshort0"],
    },
    Detector {
        name: "yandex",
        group: Group::Secrets,
        description: "Yandex Cloud's API keys (AQVN…), IAM tokens and cookies (t1.…, c1.…) and OAuth tokens (y0_…)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)AQVN[A-Za-z0-9_-]{30,}"),
            plain(r"(?-u)\b[ct]1\.[A-Za-z0-9_-]+={0,2}\.[A-Za-z0-9_-]{60,}={0,2}"),
            plain(r"(?-u)y0_[A-Za-z0-9_-]{30,}"),
        ],
        positives: &[
            (concat!("key AQ", "VN", fake!(alnum 36), "."), "key <redacted:yandex>."),
            (concat!("t", "1.9euelZqFake.", fake!(alnum 40), fake!(alnum 40), "-_ab ok"), "<redacted:yandex> ok"),
            (concat!("y", "0_AgAAAA", fake!(alnum 40)), "<redacted:yandex>"),
        ],
        negatives: &["AQVN", "t1.micro.large", "c1.large.x", "y0_offset"],
    },
    Detector {
        name: "cloudflare",
        group: Group::Secrets,
        description: "Cloudflare's API keys and tokens (cfk_…, cfut_…, cfat_…), origin CA keys (v1.0-…), older keys and tokens after a keyword",
        not_matched: "zone and account ids",
        patterns: &[
            plain(r"(?-u)\bcf(?:k|[ua]t)_[A-Za-z0-9_-]{40,}"),
            plain(r"(?-u)v1\.0-[0-9a-f]{24}-[0-9a-f]{100,}"),
            plain(concat!(
                "(?x-u)(?i:(?:cloudflare|\\bcf_)[a-z0-9_.-]*(?:key|token)|x-auth-key)",
                is!(),
                "([A-Za-z0-9_-]{37,40})"
            )),
        ],
        positives: &[
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
            (concat!("with cf", "ut_", fake!(alnum 40), "0a1b2c3d ok"), "with <redacted:cloudflare> ok"),
            (concat!("CLOUDFLARE_API_TOKEN=", fake!(alnum 40)), "CLOUDFLARE_API_TOKEN=<redacted:cloudflare>"),
            (concat!("CF_API_KEY: ", fake!(hex 32), "01234"), "CF_API_KEY: <redacted:cloudflare>"),
        ],
        negatives: &[
            "v1.0-rc1",
            "cfk_none",
            "cloudflare token expired",
            concat!("cf-ray: ", fake!(hex 16), "-FRA"),
            "CF_API_KEY=unset",
        ],
    },
    Detector {
        name: "heroku",
        group: Group::Secrets,
        description: "Heroku's tokens (HRKU-…), and API keys in the form of a UUID after a keyword",
        not_matched: "UUIDs on their own",
        patterns: &[
            plain(r"(?-u)HRKU-[A-Za-z0-9_-]{36,}"),
            plain(concat!(
                "(?x-u)(?i:heroku[a-z0-9_.-]*(?:key|token))",
                is!(),
                "([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12})"
            )),
        ],
        positives: &[
            (concat!("login HR", "KU-AA", fake!(alnum 40), " ok"), "login <redacted:heroku> ok"),
            (concat!("HEROKU_API_KEY=", fake!(uuid)), "HEROKU_API_KEY=<redacted:heroku>"),
        ],
        negatives: &[concat!("heroku[router] request_id=", fake!(uuid)), "HRKU-none"],
    },
    Detector {
        name: "fly",
        group: Group::Secrets,
        description: "Fly.io's tokens (FlyV1 …, fm1_…, fm2_…, fo1_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)(?:fm[12][ar]?|fo1)_[A-Za-z0-9+/=_-]{20,}(?:,fm[12][ar]?_[A-Za-z0-9+/=_-]{20,})*")],
        positives: &[
            (
                concat!("FlyV1 fm", "2_", fake!(alnum 40), "==,fm", "2_", fake!(alnum 40), " ok"),
                "FlyV1 <redacted:fly> ok",
            ),
            (concat!("fo", "1_", fake!(alnum 40)), "<redacted:fly>"),
        ],
        negatives: &["fm1_band", "fo1_x"],
    },
    Detector {
        name: "netlify",
        group: Group::Secrets,
        description: "Netlify's tokens: personal, command line, OAuth, application, build (nfp_…, nfc_…, nfo_…, nfu_…, nfb_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bnf[bcopu]_[A-Za-z0-9_-]{36,}", validators::random)],
        positives: &[
            (concat!("with nf", "p_", fake!(alnum 36), " ok"), "with <redacted:netlify> ok"),
            (concat!("nf", "c_", fake!(alnum 36)), "<redacted:netlify>"),
        ],
        negatives: &["nfp_status=ok", concat!("co", "nfu_", fake!(alnum 36))],
    },
    Detector {
        name: "supabase",
        group: Group::Secrets,
        description: "Supabase's access tokens (sbp_…) and secret keys (sb_secret_…)",
        not_matched: "publishable keys (sb_publishable_…)",
        patterns: &[plain(r"(?-u)sbp_(?:v0_|oauth_)?[0-9a-f]{40,}"), plain(r"(?-u)sb_secret_[A-Za-z0-9_-]{20,}")],
        positives: &[
            (concat!("t=sb", "p_", fake!(hex 40)), "t=<redacted:supabase>"),
            (concat!("use sb_", "secret_", fake!(alnum 24), "_Ab12 ok"), "use <redacted:supabase> ok"),
        ],
        negatives: &["sbp_mode=1", "sb_secret_name=a", concat!("sb_publish", "able_", fake!(alnum 24))],
    },
    Detector {
        name: "planetscale",
        group: Group::Secrets,
        description: "PlanetScale's service tokens, OAuth tokens and database passwords (pscale_tkn_…, pscale_oauth_…, pscale_pw_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)pscale_(?:tkn|oauth|pw)_[A-Za-z0-9=._-]{32,}")],
        positives: &[
            (concat!("use psc", "ale_tkn_", fake!(alnum 40), " ok"), "use <redacted:planetscale> ok"),
            (concat!("psc", "ale_pw_", fake!(alnum 40)), "<redacted:planetscale>"),
        ],
        negatives: &["pscale_pw_ rotated", "pscale_tkn_id=7"],
    },
    Detector {
        name: "render",
        group: Group::Secrets,
        description: "Render's API keys (rnd_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)rnd_[A-Za-z0-9]{28,}", validators::random)],
        positives: &[(concat!("key rn", "d_", fake!(alnum 32), " ok"), "key <redacted:render> ok")],
        negatives: &["rnd_seed=17", "rnd_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"],
    },
    Detector {
        name: "scaleway",
        group: Group::Secrets,
        description: "Scaleway's secret keys: a UUID after SCW_SECRET_KEY or secret_key",
        not_matched: "UUIDs on their own, access key ids (SCW…)",
        patterns: &[plain(concat!(
            "(?x-u)(?i:scw_secret_key|scaleway[a-z_.-]*secret[a-z_.-]*)",
            is!(),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
        ))],
        positives: &[(concat!("SCW_SECRET_KEY=", fake!(uuid), " up"), "SCW_SECRET_KEY=<redacted:scaleway> up")],
        negatives: &[concat!("project ", fake!(uuid)), "SCW_SECRET_KEY is not set"],
    },
    Detector {
        name: "vercel",
        group: Group::Secrets,
        description: "Vercel's tokens and keys: personal, integration, application, refresh, API (vcp_…, vci_…, vca_…, vcr_…, vck_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bvc[aikpr]_[A-Za-z0-9]{20,}", validators::random)],
        positives: &[
            (concat!("deploy vc", "p_", fake!(alnum 40), " ok"), "deploy <redacted:vercel> ok"),
            (concat!("vc", "k_", fake!(alnum 40)), "<redacted:vercel>"),
        ],
        negatives: &["vcp_none", "vci_interfacecontrollername"],
    },
];
