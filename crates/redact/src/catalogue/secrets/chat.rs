//! Tokens of chat, mail and messaging.

use super::super::super::check;
use super::super::{Detector, Group, Trigger, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "slack",
        group: Group::Secrets,
        finds: "Slack's tokens (xoxb-…, xoxp-… and so on, xapp-…, xwfp-…, xoxe.…), session cookies (xoxd-…) and incoming webhooks",
        leaves: "channel and user ids",
        trigger: Trigger::Shape(r"(?-u)xox[a-z][-.]|xapp-[0-9]|xwfp-[A-Za-z0-9-]|hooks\.slack(?:-gov)?\.com"),
        patterns: &[
            plain(r"(?-u)xox[a-z](?:\.x(?:ox[a-z]|app))?-[A-Za-z0-9-]{10,}"),
            plain(r"(?-u)xoxd-[A-Za-z0-9%/+=_-]{10,}"),
            plain(r"(?-u)xapp-[0-9]+-[A-Za-z0-9-]{10,}"),
            plain(r"(?-u)\bxwfp-[A-Za-z0-9-]{20,}"),
            plain(
                r"(?-u)hooks\.slack(?:-gov)?\.com(?:/|%2[fF])(?:services|workflows|triggers)(?:/|%2[fF])([A-Za-z0-9/+%_-]{20,})",
            ),
        ],
        hits: &[
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
        misses: &["xoxb-short", "xwfp-none", "hooks.slack.com is down", "xapp-1 started"],
    },
    Detector {
        name: "discord",
        group: Group::Secrets,
        finds: "Discord's bot tokens (three parts, the first the bot's id in Base64) and webhooks",
        leaves: "ids of servers and users",
        trigger: Trigger::Shape(r"(?-u)\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{12}|discord(?:app)?\.com(?:/|%2[fF])api"),
        patterns: &[
            checked(r"(?-u)[MNO][A-Za-z0-9]{22,27}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}", check::discord_bot),
            plain(
                r"(?-u)discord(?:app)?\.com(?:/|%2[fF])api(?:/v[0-9]+)?(?:/|%2[fF])webhooks(?:/|%2[fF])[0-9]+(?:/|%2[fF])([A-Za-z0-9_-]{20,})",
            ),
        ],
        hits: &[
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
        misses: &[
            "discord.com/api/v10/channels/012345678901234567",
            concat!("NoSuchBeanDefinitionExcept.class0.", fake!(alnum 32)),
        ],
    },
    Detector {
        name: "telegram",
        group: Group::Secrets,
        finds: "Telegram's bot tokens (digits, a colon, 35 characters that begin with AA)",
        leaves: "chat ids",
        trigger: Trigger::Shape(r"(?-u)(?::|%3[aA])AA[A-Za-z0-9_-]{12}"),
        patterns: &[plain(r"(?-u)[0-9]{6,}(?::|%3[aA])AA[A-Za-z0-9_-]{33,}")],
        hits: &[
            (concat!("GET /bot0123456789:A", "A", fake!(alnum 32), "x/getMe"), "GET /bot<redacted:telegram>/getMe"),
            (concat!("0123456789%3AA", "A", fake!(alnum 32), "_"), "<redacted:telegram>"),
        ],
        misses: &["12:AA", "at 10:15:00:AAB short"],
    },
    Detector {
        name: "teams",
        group: Group::Secrets,
        finds: "incoming webhooks of Microsoft Teams (webhook.office.com/webhookb2/…)",
        leaves: "",
        trigger: Trigger::Literals(&["webhook.office.com", "outlook.office.com/webhook"]),
        patterns: &[plain(
            r"(?-u)(?:webhook\.office\.com/webhookb2|outlook\.office\.com/webhook)/([A-Za-z0-9@-]{36,}/IncomingWebhook/[A-Za-z0-9/_-]{32,})",
        )],
        hits: &[(
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
        misses: &["acme.webhook.office.com timed out"],
    },
    Detector {
        name: "google_chat",
        group: Group::Secrets,
        finds: "webhooks of Google Chat (chat.googleapis.com/v1/spaces/…?key=…&token=…)",
        leaves: "the names of spaces",
        trigger: Trigger::Literals(&["chat.googleapis.com"]),
        patterns: &[plain(
            r"(?-u)chat\.googleapis\.com/v1/spaces/[A-Za-z0-9_-]+/messages\?([A-Za-z0-9_.~&=%-]*(?:key|token)=[A-Za-z0-9_.~&=%-]+)",
        )],
        hits: &[(
            "POST https://chat.googleapis.com/v1/spaces/AAAAfake/messages?key=Fake0&token=Fake1%3D ok",
            "POST https://chat.googleapis.com/v1/spaces/AAAAfake/messages?<redacted:google_chat> ok",
        )],
        misses: &["https://chat.googleapis.com/v1/spaces/AAAAfake/messages 200"],
    },
    Detector {
        name: "twilio",
        group: Group::Secrets,
        finds: "Twilio's API key ids (SK and 32 hexadecimal characters), auth tokens after a telling name or an account's id",
        leaves: "account ids (AC…) on their own",
        trigger: Trigger::Shape(r"(?-u)SK[0-9a-f]{12}|AC[0-9a-f]{12}|(?i:twilio[a-z_.-]*(?:token|secret))"),
        patterns: &[
            plain(r"(?-u)SK[0-9a-f]{32}"),
            plain(r"(?-u)AC[0-9a-f]{32}:([0-9a-f]{32})"),
            plain(concat!("(?x-u)(?i:twilio[a-z_.-]*(?:token|secret))", is!(), "([A-Za-z0-9]{32})")),
        ],
        hits: &[
            (concat!("key S", "K", fake!(hex 32), " ok"), "key <redacted:twilio> ok"),
            (
                concat!("curl -u A", "C", fake!(hex 32), ":", fake!(hex 32), " x"),
                concat!("curl -u A", "C", fake!(hex 32), ":<redacted:twilio> x"),
            ),
            (concat!("TWILIO_AUTH_TOKEN=", fake!(hex 32)), "TWILIO_AUTH_TOKEN=<redacted:twilio>"),
        ],
        misses: &[concat!("account A", "C", fake!(hex 32), " ok"), "twilio token refreshed"],
    },
    Detector {
        name: "sendgrid",
        group: Group::Secrets,
        finds: "SendGrid's API keys (SG.…)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)SG\.[A-Za-z0-9_-]{12}"),
        patterns: &[plain(r"(?-u)SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{32,}")],
        hits: &[(
            concat!("mail S", "G.", fake!(alnum 20), "_-.", fake!(alnum 40), "abc ok"),
            "mail <redacted:sendgrid> ok",
        )],
        misses: &["SG.Singapore", "SG.region.one"],
    },
    Detector {
        name: "mailgun",
        group: Group::Secrets,
        finds: "Mailgun's API keys (key- and 32 hexadecimal characters), newer ones (32-8-8) after a telling name",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)key-[0-9a-f]{12}|(?i:mailgun[a-z_.-]*key)"),
        patterns: &[
            plain(r"(?-u)key-[0-9a-f]{32}"),
            plain(concat!("(?x-u)(?i:mailgun[a-z_.-]*key)", is!(), "([0-9a-f]{32}-[0-9a-f]{8}-[0-9a-f]{8})")),
        ],
        hits: &[
            (concat!("api:ke", "y-", fake!(hex 32), " ok"), "api:<redacted:mailgun> ok"),
            (
                concat!("MAILGUN_API_KEY=", fake!(hex 32), "-0a1b2c3d", "-0a1b2c3d"),
                "MAILGUN_API_KEY=<redacted:mailgun>",
            ),
        ],
        misses: &["key-0a1b", concat!("id ", fake!(uuid)), "api key-value store"],
    },
    Detector {
        name: "mailchimp",
        group: Group::Secrets,
        finds: "Mailchimp's API keys (32 hexadecimal characters and -us with a number)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)-us[0-9]"),
        patterns: &[plain(r"(?-u)[0-9a-f]{32}-us[0-9]{1,2}")],
        hits: &[(concat!("with ", fake!(hex 32), "-u", "s12 ok"), "with <redacted:mailchimp> ok")],
        misses: &["region 0a1b2c3d-us1", "deploy-us2"],
    },
    Detector {
        name: "brevo",
        group: Group::Secrets,
        finds: "API and SMTP keys of Brevo, once Sendinblue (xkeysib-…, xsmtpsib-…)",
        leaves: "",
        trigger: Trigger::Literals(&["xkeysib-", "xsmtpsib-"]),
        patterns: &[plain(r"(?-u)x(?:key|smtp)sib-[0-9a-f]{64}(?:-[A-Za-z0-9]{16})?")],
        hits: &[(concat!("xke", "ysib-", fake!(hex 64), "-", fake!(alnum 16), " ok"), "<redacted:brevo> ok")],
        misses: &["xkeysib- is the prefix"],
    },
    Detector {
        name: "resend",
        group: Group::Secrets,
        finds: "Resend's API keys (re_…_…)",
        leaves: "",
        trigger: Trigger::Shape(r"(?-u)re_[A-Za-z0-9]{8}_[A-Za-z0-9]{12}"),
        patterns: &[checked(r"(?-u)\bre_[A-Za-z0-9]{8}_[A-Za-z0-9]{20,}", check::random)],
        hits: &[(concat!("mail r", "e_", fake!(alnum 8), "_", fake!(alnum 24), " ok"), "mail <redacted:resend> ok")],
        misses: &["re_compiled_patterns", concat!("store_", fake!(alnum 8), "_", fake!(alnum 24))],
    },
    Detector {
        name: "postmark",
        group: Group::Secrets,
        finds: "Postmark's server and account tokens: a UUID after X-Postmark-Server-Token and the like",
        leaves: "UUIDs on their own",
        trigger: Trigger::Shape(r"(?-u)(?i:postmark[a-z_.-]*token)"),
        patterns: &[plain(concat!(
            "(?x-u)(?i:postmark[a-z_.-]*token)",
            is!(),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
        ))],
        hits: &[(concat!("X-Postmark-Server-Token: ", fake!(uuid)), "X-Postmark-Server-Token: <redacted:postmark>")],
        misses: &[concat!("postmark message ", fake!(uuid))],
    },
];
