//! Tokens of chat, mail and messaging.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "slack",
        group: Group::Secrets,
        description: "Slack's tokens (xoxb-…, xoxp-… and so on, xapp-…, xwfp-…, xoxe.…), session cookies (xoxd-…) and incoming webhooks",
        not_matched: "channel and user ids",
        patterns: &[
            plain(r"(?-u)xox[a-z](?:\.x(?:ox[a-z]|app))?-[A-Za-z0-9-]{10,}"),
            plain(r"(?-u)xoxd-[A-Za-z0-9%/+=_-]{10,}"),
            plain(r"(?-u)xapp-[0-9]+-[A-Za-z0-9-]{10,}"),
            plain(r"(?-u)\bxwfp-[A-Za-z0-9-]{20,}"),
            plain(
                r"(?-u)hooks\.slack(?:-gov)?\.com(?:/|%2[fF])(?:services|workflows|triggers)(?:/|%2[fF])([A-Za-z0-9/+%_-]{20,})",
            ),
        ],
        positives: &[
            (concat!("bot xo", "xb-0123456789-0123456789-", fake!(alnum 24), " up"), "bot <redacted:slack> up"),
            (concat!("xa", "pp-1-A0FAKE-0123456789-", fake!(hex 64)), "<redacted:slack>"),
            (concat!("xo", "xe.xoxp-1-", fake!(alnum 40)), "<redacted:slack>"),
            (concat!("xo", "xd-", fake!(alnum 40), "%2B", fake!(alnum 8), "%3D; x"), "<redacted:slack>; x"),
            (concat!("step xw", "fp-0123456789-0123456789-", fake!(alnum 24)), "step <redacted:slack>"),
            (
                concat!("POST https://hooks.sl", "ack.com/services/T0FAKE000/B0FAKE000/", fake!(alnum 24), " 200"),
                "POST https://hooks.slack.com/services/<redacted:slack> 200",
            ),
        ],
        negatives: &["xoxb-short", "xwfp-none", "hooks.slack.com is down", "xapp-1 started"],
    },
    Detector {
        name: "discord",
        group: Group::Secrets,
        description: "Discord's bot tokens (three parts, the first the bot's id in Base64) and webhooks",
        not_matched: "ids of servers and users",
        patterns: &[
            checked(r"(?-u)[MNO][A-Za-z0-9]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}", validators::discord_bot),
            plain(
                r"(?-u)discord(?:app)?\.com(?:/|%2[fF])api(?:/v[0-9]+)?(?:/|%2[fF])webhooks(?:/|%2[fF])[0-9]+(?:/|%2[fF])([A-Za-z0-9_-]{20,})",
            ),
        ],
        positives: &[
            (
                // The first part is Base64 of 17 to 20 digits.
                concat!("login MDEyMzQ1Njc4OTAxMjM0NTY3.Fake0t.", fake!(alnum 32), "-_abcd ok"),
                "login <redacted:discord> ok",
            ),
            (
                concat!("https://discord.com/api/webho", "oks/012345678901234567/", fake!(alnum 40), "-x ok"),
                "https://discord.com/api/webhooks/012345678901234567/<redacted:discord> ok",
            ),
        ],
        negatives: &[
            "discord.com/api/v10/channels/012345678901234567",
            concat!("NoSuchBeanDefinitionExcept.class0.", fake!(alnum 32)),
        ],
    },
    Detector {
        name: "telegram",
        group: Group::Secrets,
        description: "Telegram's bot tokens (digits, a colon, 35 characters that begin with AA)",
        not_matched: "chat ids",
        patterns: &[plain(r"(?-u)[0-9]{6,}(?::|%3[aA])AA[A-Za-z0-9_-]{33,}")],
        positives: &[
            (concat!("GET /bot0123456789:A", "A", fake!(alnum 32), "x/getMe"), "GET /bot<redacted:telegram>/getMe"),
            (concat!("0123456789%3AA", "A", fake!(alnum 32), "_"), "<redacted:telegram>"),
        ],
        negatives: &["12:AA", "at 10:15:00:AAB short"],
    },
    Detector {
        name: "teams",
        group: Group::Secrets,
        description: "incoming webhooks of Microsoft Teams (webhook.office.com/webhookb2/…)",
        not_matched: "",
        patterns: &[plain(
            r"(?-u)(?:webhook\.office\.com/webhookb2|outlook\.office\.com/webhook)/([A-Za-z0-9@-]{36,}/IncomingWebhook/[A-Za-z0-9/_-]{32,})",
        )],
        positives: &[(
            concat!(
                "https://acme.webhook.office.com/webhookb2/",
                fake!(uuid),
                "@",
                fake!(uuid),
                "/Incoming",
                "Webhook/",
                fake!(hex 32),
                "/",
                fake!(uuid),
                " 200"
            ),
            "https://acme.webhook.office.com/webhookb2/<redacted:teams> 200",
        )],
        negatives: &["acme.webhook.office.com timed out"],
    },
    Detector {
        name: "google_chat",
        group: Group::Secrets,
        description: "webhooks of Google Chat (chat.googleapis.com/v1/spaces/…?key=…&token=…)",
        not_matched: "the names of spaces",
        patterns: &[plain(
            r"(?-u)chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]+/messages\?([A-Za-z0-9_.~&=%-]*(?:key|token)=[A-Za-z0-9_.~&=%-]+)",
        )],
        positives: &[(
            "POST https://chat.googleapis.com/v1/spaces/AAAAfake/messages?key=Fake0&token=Fake1%3D ok",
            "POST https://chat.googleapis.com/v1/spaces/AAAAfake/messages?<redacted:google_chat> ok",
        )],
        negatives: &["https://chat.googleapis.com/v1/spaces/AAAAfake/messages 200"],
    },
    Detector {
        name: "twilio",
        group: Group::Secrets,
        description: "Twilio's API key ids (SK and 32 hexadecimal characters), auth tokens after a keyword or an account's id",
        not_matched: "account ids (AC…) on their own",
        patterns: &[
            plain(r"(?-u)SK[0-9a-f]{32}"),
            plain(r"(?-u)AC[0-9a-f]{32}:([0-9a-f]{32})"),
            plain(concat!("(?x-u)(?i:twilio[a-z_.-]*(?:token|secret))", is!(), "([A-Za-z0-9]{32})")),
        ],
        positives: &[
            (concat!("key S", "K", fake!(hex 32), " ok"), "key <redacted:twilio> ok"),
            (
                concat!("curl -u A", "C", fake!(hex 32), ":", fake!(hex 32), " x"),
                concat!("curl -u A", "C", fake!(hex 32), ":<redacted:twilio> x"),
            ),
            (concat!("TWILIO_AUTH_TOKEN=", fake!(hex 32)), "TWILIO_AUTH_TOKEN=<redacted:twilio>"),
        ],
        negatives: &[concat!("account A", "C", fake!(hex 32), " ok"), "twilio token refreshed"],
    },
    Detector {
        name: "sendgrid",
        group: Group::Secrets,
        description: "SendGrid's API keys (SG.…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}")],
        positives: &[(
            concat!("mail S", "G.", fake!(alnum 20), "_-.", fake!(alnum 40), "abc ok"),
            "mail <redacted:sendgrid> ok",
        )],
        negatives: &["SG.Singapore", "SG.region.one"],
    },
    Detector {
        name: "mailgun",
        group: Group::Secrets,
        description: "Mailgun's API keys (key- and 32 hexadecimal characters), newer ones (32-8-8) after a keyword",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)key-[0-9a-f]{32}"),
            plain(concat!("(?x-u)(?i:mailgun[a-z_.-]*key)", is!(), "([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})")),
        ],
        positives: &[
            (concat!("api:ke", "y-", fake!(hex 32), " ok"), "api:<redacted:mailgun> ok"),
            (
                concat!("MAILGUN_API_KEY=", fake!(hex 32), "-0a1b2c3d", "-0a1b2c3d"),
                "MAILGUN_API_KEY=<redacted:mailgun>",
            ),
        ],
        negatives: &["key-0a1b", concat!("id ", fake!(uuid)), "api key-value store"],
    },
    Detector {
        name: "mailchimp",
        group: Group::Secrets,
        description: "Mailchimp's API keys (32 hexadecimal characters and -us with a number)",
        not_matched: "",
        patterns: &[plain(r"(?-u)[0-9a-f]{32}-us[0-9]{1,2}")],
        positives: &[(concat!("with ", fake!(hex 32), "-u", "s12 ok"), "with <redacted:mailchimp> ok")],
        negatives: &["region 0a1b2c3d-us1", "deploy-us2"],
    },
    Detector {
        name: "brevo",
        group: Group::Secrets,
        description: "API and SMTP keys of Brevo, formerly Sendinblue (xkeysib-…, xsmtpsib-…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)x(?:key|smtp)sib-[0-9a-f]{64}(?:-[A-Za-z0-9]{16})?")],
        positives: &[(concat!("xke", "ysib-", fake!(hex 64), "-", fake!(alnum 16), " ok"), "<redacted:brevo> ok")],
        negatives: &["xkeysib- is the prefix"],
    },
    Detector {
        name: "resend",
        group: Group::Secrets,
        description: "Resend's API keys (re_…_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", validators::random)],
        positives: &[(
            concat!("mail r", "e_", fake!(alnum 8), "_", fake!(alnum 24), " ok"),
            "mail <redacted:resend> ok",
        )],
        negatives: &["re_compiled_patterns", concat!("store_", fake!(alnum 8), "_", fake!(alnum 24))],
    },
    Detector {
        name: "postmark",
        group: Group::Secrets,
        description: "Postmark's server and account tokens: a UUID after X-Postmark-Server-Token and the like",
        not_matched: "UUIDs on their own",
        patterns: &[plain(concat!(
            "(?x-u)(?i:postmark[a-z_.-]*token)",
            is!(),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
        ))],
        positives: &[(
            concat!("X-Postmark-Server-Token: ", fake!(uuid)),
            "X-Postmark-Server-Token: <redacted:postmark>",
        )],
        negatives: &[concat!("postmark message ", fake!(uuid))],
    },
];
