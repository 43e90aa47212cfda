//! Tokens of infrastructure: secret stores, orchestration, databases, monitoring.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "vault",
        group: Group::Secrets,
        description: "HashiCorp Vault's service, batch and recovery tokens (hvs.…, hvb.…, hvr.…), older ones (s. and 24 characters)",
        not_matched: "names of packages and classes",
        patterns: &[
            plain(r"(?-u)hv[sbr]\.[A-Za-z0-9_-]{20,}"),
            checked(
                r"(?-u)(?:^|[^A-Za-z0-9._-])\b([sbr]\.[A-Za-z0-9]{24})(?:[^A-Za-z0-9._(-]|\.?$|\.\s)",
                validators::mixed,
            ),
        ],
        positives: &[
            (concat!("login hv", "s.", fake!(alnum 24), "-_x ok"), "login <redacted:vault> ok"),
            (concat!("token s", ".", fake!(alnum 24), " ok"), "token <redacted:vault> ok"),
            (concat!("token s", ".", fake!(alnum 24)), "token <redacted:vault>"),
        ],
        negatives: &[
            "at c.e.s.OrderServiceImplementation2 done",
            "s.ordersnotificationservice1",
            "hvs.example.org",
            "s.OrderServiceImplementatio.run()",
        ],
    },
    Detector {
        name: "terraform",
        group: Group::Secrets,
        description: "tokens of Terraform Cloud (14 characters, .atlasv1. and the rest)",
        not_matched: "",
        patterns: &[plain(r"(?-u)[A-Za-z0-9]{14}\.atlasv1\.[A-Za-z0-9_-]{40,}")],
        positives: &[(
            concat!("with Fake0token1Fak.atl", "asv1.", fake!(alnum 40), fake!(alnum 20), " ok"),
            "with <redacted:terraform> ok",
        )],
        negatives: &["app.atlasv1.example"],
    },
    Detector {
        name: "databricks",
        group: Group::Secrets,
        description: "Databricks' tokens (dapi…, dose…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)d(?:api|ose)[0-9a-f]{32}(?:-[0-9]+)?")],
        positives: &[(concat!("spark da", "pi", fake!(hex 32), "-2 ok"), "spark <redacted:databricks> ok")],
        negatives: &["dapi-server", "dapi0a1b"],
    },
    Detector {
        name: "datadog",
        group: Group::Secrets,
        description: "Datadog's API and application keys after a keyword (DD_API_KEY, DD-APPLICATION-KEY, datadog_app_key …), \
                application keys (ddapp_…, ddap_…), access tokens (ddpat_…, ddsat_…)",
        not_matched: "trace ids",
        patterns: &[
            plain(concat!(
                "(?x-u)(?i:(?:\\bdd[_-]|datadog[a-z_.-]*)(?:api|app|application)[_-]?key)",
                is!(),
                "([0-9a-f]{40}|[0-9a-f]{32})"
            )),
            plain(r"(?-u)\bdd(?:app?|[ps]at)_[A-Za-z0-9_]{30,}"),
        ],
        positives: &[
            (concat!("DD_API_KEY=", fake!(hex 32), " ok"), "DD_API_KEY=<redacted:datadog> ok"),
            (concat!("ask dd", "pat_", fake!(alnum 20), "_", fake!(alnum 40), "abc ok"), "ask <redacted:datadog> ok"),
            (concat!("DD-APPLICATION-KEY: ", fake!(hex 40)), "DD-APPLICATION-KEY: <redacted:datadog>"),
        ],
        negatives: &[concat!("dd.trace_id=", fake!(hex 32)), "DD_API_KEY is not set", "ddapp_none"],
    },
    Detector {
        name: "new_relic",
        group: Group::Secrets,
        description: "New Relic's keys: user, insert, query, browser and licence (NRAK-…, NRII-…, NRIQ-…, NRJS-…, …NRAL)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)NR(?:AK|II|IQ|JS|RA|AA)-[A-Za-z0-9_-]{16,}"),
            plain(r"(?-u)(?:[a-z]{2}[0-9]{2}xx)?[0-9a-f]{26,36}F{0,4}NRAL"),
        ],
        positives: &[
            (concat!("key NR", "AK-", "FAKE0TOKEN1FAKE2TOKEN3FAKE4 ok"), "key <redacted:new_relic> ok"),
            (concat!("licence ", fake!(hex 32), "FFFFNR", "AL"), "licence <redacted:new_relic>"),
            (concat!("eu01xx", fake!(hex 16), "0a1b2c3d4e", "FFFFNR", "AL ok"), "<redacted:new_relic> ok"),
        ],
        negatives: &["NRAK-none", "CENTRAL"],
    },
    Detector {
        name: "grafana",
        group: Group::Secrets,
        description: "Grafana's service account tokens (glsa_…) and cloud tokens (glc_…)",
        not_matched: "older API keys, which are Base64 of JSON, unless a keyword or Bearer precedes them",
        patterns: &[plain(r"(?-u)glsa_[A-Za-z0-9]{32}_[A-Fa-f0-9]{8}"), plain(r"(?-u)glc_[A-Za-z0-9+/_-]{32,}={0,2}")],
        positives: &[
            (concat!("use gl", "sa_", fake!(alnum 32), "_0a1b2c3d ok"), "use <redacted:grafana> ok"),
            (concat!("gl", "c_eyJvIjoi", fake!(alnum 32), "="), "<redacted:grafana>"),
        ],
        negatives: &["glsa_ is the prefix", "glc_size=4"],
    },
    Detector {
        name: "sentry",
        group: Group::Secrets,
        description: "Sentry's tokens: organization, user, application, integration (sntrys_…, sntryu_…, sntrya_…, sntryi_…), and the secret part of old DSNs",
        not_matched: "DSNs without a secret part",
        patterns: &[plain(r"(?-u)sntry[aisu]_[A-Za-z0-9+/=_-]{40,}"), plain(r"(?-u)://[0-9a-f]{32}:([0-9a-f]{32})@")],
        positives: &[
            (
                concat!("release snt", "rys_eyJpYXQi", fake!(alnum 40), "_", fake!(alnum 40), " ok"),
                "release <redacted:sentry> ok",
            ),
            (
                concat!("https://", fake!(hex 32), ":", fake!(hex 32), "@sentry.example/7"),
                concat!("https://", fake!(hex 32), ":<redacted:sentry>@sentry.example/7"),
            ),
        ],
        negatives: &[concat!("https://", fake!(hex 32), "@sentry.example/7"), "sntrys_ is the prefix"],
    },
    Detector {
        name: "pagerduty",
        group: Group::Secrets,
        description: "PagerDuty's API tokens and routing keys after a keyword (PAGERDUTY_TOKEN, routing_key, Token token=…)",
        not_matched: "ids of incidents and services",
        patterns: &[
            plain(concat!(
                "(?x-u)(?i:pager_?duty[a-z_.-]*(?:token|key)|\\bpd[_-](?:token|api[_-]key)|routing_key|integration_key)",
                is!(),
                "([A-Za-z0-9+_-]{20}|[0-9a-f]{32})(?:[^A-Za-z0-9+_-]|\\z)"
            )),
            plain(r#"(?-u)Token token=\\*"?([A-Za-z0-9+_-]{20,})"#),
        ],
        positives: &[
            ("PAGERDUTY_TOKEN=u+Fake0token1Fake2to ok", "PAGERDUTY_TOKEN=<redacted:pagerduty> ok"),
            (concat!(r#"{"routing_key":""#, fake!(hex 32), r#""}"#), r#"{"routing_key":"<redacted:pagerduty>"}"#),
            ("Authorization: Token token=u+Fake0token1Fake2to", "Authorization: Token token=<redacted:pagerduty>"),
        ],
        negatives: &[
            "routing_key=orders.created",
            "pagerduty incident Q0FAKE0TOKEN1F",
            "routing_key: shop.events.orders.v1",
        ],
    },
    Detector {
        name: "dynatrace",
        group: Group::Secrets,
        description: "Dynatrace's tokens (dt0c01.… and similar)",
        not_matched: "",
        patterns: &[plain(r"(?-u)dt0[a-z][0-9]{2}\.[A-Z0-9]{8,}\.[A-Za-z0-9]{60,}")],
        positives: &[(
            concat!("dt", "0c01.FAKE0TOKEN1FAKE2TOKEN3FA.", fake!(alnum 40), fake!(alnum 24), " ok"),
            "<redacted:dynatrace> ok",
        )],
        negatives: &["dt0c01.FAKE0TOKEN1 is the public part"],
    },
    Detector {
        name: "splunk",
        group: Group::Secrets,
        description: "tokens of Splunk's HTTP event collector: a UUID after the word Splunk or a keyword",
        not_matched: "UUIDs on their own",
        patterns: &[
            plain(r"(?-u)Splunk ([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})"),
            plain(concat!(
                "(?x-u)(?i:(?:splunk|hec)[a-z_.-]*token)",
                is!(),
                "([0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12})"
            )),
        ],
        positives: &[
            (concat!("Authorization: Splunk ", fake!(uuid)), "Authorization: Splunk <redacted:splunk>"),
            (concat!("SPLUNK_HEC_TOKEN=", fake!(uuid)), "SPLUNK_HEC_TOKEN=<redacted:splunk>"),
        ],
        negatives: &[concat!("splunk index ", fake!(uuid)), "Splunk 0a1b2c3d-x"],
    },
    Detector {
        name: "honeycomb",
        group: Group::Secrets,
        description: "Honeycomb's ingest and management keys (hcaik_…, hcbik_…, hcamk_…), older ones after X-Honeycomb-Team",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)hc[a-z](?:ik|mk)_[0-9a-z]{30,}"),
            checked(
                concat!("(?x-u)(?i:honeycomb[a-z_.-]*(?:team|key))", is!(), "([A-Za-z0-9]{22,32})"),
                validators::random,
            ),
        ],
        positives: &[
            (concat!("hc", "aik_01", fake!(hex 64), " ok"), "<redacted:honeycomb> ok"),
            (concat!("X-Honeycomb-Team: ", fake!(hex 32)), "X-Honeycomb-Team: <redacted:honeycomb>"),
        ],
        negatives: &["honeycomb_team: unset", "hcaik_none"],
    },
    Detector {
        name: "launchdarkly",
        group: Group::Secrets,
        description: "LaunchDarkly's SDK, API and mobile keys (sdk-…, api-…, mob-… with a UUID)",
        not_matched: "client-side ids",
        patterns: &[plain(r"(?-u)\b(?:sdk|api|mob)-[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")],
        positives: &[(concat!("flags sd", "k-", fake!(uuid), " ok"), "flags <redacted:launchdarkly> ok")],
        negatives: &["pod shop-api-0a1b2c3d-x2x7k", "sdk-0a1b2c3d-4e5f"],
    },
    Detector {
        name: "pulumi",
        group: Group::Secrets,
        description: "Pulumi's access tokens (pul-…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)pul-[0-9a-f]{40}")],
        positives: &[(concat!("login pu", "l-", fake!(hex 40), " ok"), "login <redacted:pulumi> ok")],
        negatives: &["pul-0a1b"],
    },
    Detector {
        name: "doppler",
        group: Group::Secrets,
        description: "Doppler's tokens: personal, service, CLI, audit, SCIM (dp.pt.…, dp.st.…, dp.ct.…, dp.audit.…, dp.scim.…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)\bdp\.(?:pt|st|ct|sa|said|audit|scim)\.(?:[a-z0-9_-]{2,35}\.)?[A-Za-z0-9]{40,}")],
        positives: &[
            (concat!("run dp", ".pt.", fake!(alnum 40), "abc ok"), "run <redacted:doppler> ok"),
            (concat!("dp", ".st.dev_eu.", fake!(alnum 40)), "<redacted:doppler>"),
        ],
        negatives: &["dp.st.width=4", "app.dp.ct.example"],
    },
    Detector {
        name: "one_password",
        group: Group::Secrets,
        description: "1Password's service account tokens (ops_…) and secret keys (A3-…)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)ops_eyJ[A-Za-z0-9+/_-]{40,}={0,2}"),
            plain(r"(?-u)\bA3-[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})(?:-[A-Z0-9]{5}){3}"),
        ],
        positives: &[
            (
                concat!("use op", "s_eyJzaWdu", fake!(alnum 40), fake!(alnum 40), "== ok"),
                "use <redacted:one_password> ok",
            ),
            (concat!("kit A", "3-FAKE00-TOKEN1-FAKE2-TOKE3-FAKE4-TOKE5."), "kit <redacted:one_password>."),
        ],
        negatives: &["ops_total=3", "A3-FAKE00-paper"],
    },
    Detector {
        name: "age",
        group: Group::Secrets,
        description: "secret keys of age (AGE-SECRET-KEY-1…)",
        not_matched: "recipients (age1…)",
        patterns: &[plain(r"(?-u)AGE-SECRET-KEY-(?:PQ-)?1[A-Z0-9]{50,}")],
        positives: &[(
            concat!("key AGE-SEC", "RET-KEY-1", fake!(upper 16), fake!(upper 16), fake!(upper 16), "FAKE0TOKEN ok"),
            "key <redacted:age> ok",
        )],
        negatives: &["AGE-SECRET-KEY-1 is the prefix", "age1fake0recipient"],
    },
    Detector {
        name: "tailscale",
        group: Group::Secrets,
        description: "Tailscale's auth, API, client, SCIM and webhook keys (tskey-…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)tskey-(?:[a-z]+-)?[A-Za-z0-9]{10,}(?:-[A-Za-z0-9]{10,})?")],
        positives: &[(
            concat!("up --authkey tsk", "ey-auth-", fake!(alnum 16), "-", fake!(alnum 32), " ok"),
            "up --authkey <redacted:tailscale> ok",
        )],
        negatives: &["tskey-auth expired"],
    },
    Detector {
        name: "swarm",
        group: Group::Secrets,
        description: "Docker Swarm's join tokens and unlock keys (SWMTKN-1-…, SWMKEY-1-…)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)SWMTKN-[0-9]-[a-z0-9]{40,}-[a-z0-9]{20,}"),
            plain(r"(?-u)SWMKEY-[0-9]-[A-Za-z0-9+/]{40,}"),
        ],
        positives: &[
            (
                concat!("join SWM", "TKN-1-", fake!(hex 40), "0a1b2c3d4e-", "fake0token1fake2token3fak ok"),
                "join <redacted:swarm> ok",
            ),
            (concat!("SWM", "KEY-1-", fake!(alnum 40), "abc"), "<redacted:swarm>"),
        ],
        negatives: &["SWMTKN-1 is the prefix"],
    },
    Detector {
        name: "openshift",
        group: Group::Secrets,
        description: "OpenShift's user tokens (sha256~ and 43 characters)",
        not_matched: "digests (sha256:…)",
        patterns: &[plain(r"(?-u)sha256~[A-Za-z0-9_-]{43}")],
        positives: &[(concat!("oc login sha", "256~", fake!(alnum 40), "-_x ok"), "oc login <redacted:openshift> ok")],
        negatives: &[concat!("sha256:", fake!(hex 64)), "sha256~short"],
    },
    Detector {
        name: "kubeconfig",
        group: Group::Secrets,
        description: "private keys in a kubeconfig (client-key-data)",
        not_matched: "certificates (client-certificate-data)",
        patterns: &[plain(concat!("(?x-u)client-key-data", is!(), "([A-Za-z0-9+/]{20,}={0,2})"))],
        positives: &[(
            concat!("client-key-data: LS0tLS1C", fake!(alnum 40), "=="),
            "client-key-data: <redacted:kubeconfig>",
        )],
        negatives: &[concat!("client-certificate-data: LS0tLS1C", fake!(alnum 40)), "client-key-data is missing"],
    },
    Detector {
        name: "rancher",
        group: Group::Secrets,
        description: "the 54 characters after the name of a Rancher token and a colon (token-…:, kubeconfig-…:, kubectl-shell-…:, agent-…:)",
        not_matched: "token names without their secret",
        patterns: &[plain(r"(?-u)(?:token|kubeconfig|kubectl-shell|agent)-[a-z0-9-]+:([a-z0-9]{54})")],
        positives: &[
            (
                concat!("use token-fk0tk:", "fake0token1fake2token3fake4token5fake6token7fake8token", " ok"),
                "use token-fk0tk:<redacted:rancher> ok",
            ),
            (
                concat!("kubeconfig-user-fk0tk:", "fake0token1fake2token3fake4token5fake6token7fake8token"),
                "kubeconfig-user-fk0tk:<redacted:rancher>",
            ),
        ],
        negatives: &["token-fk0tk: expired", "agent-fk0tk:8080"],
    },
    Detector {
        name: "elastic",
        group: Group::Secrets,
        description: "API keys of Elasticsearch after the word ApiKey, those of Elastic Cloud (essu_…)",
        not_matched: "names and ids of keys",
        patterns: &[
            checked(r"(?-u)(?i:apikey)(?:[ +]|%20)([A-Za-z0-9+/_-]{20,}={0,2})", validators::random),
            checked(r"(?-u)\bessu_[A-Za-z0-9+/_-]{30,}={0,2}", validators::mixed),
        ],
        positives: &[
            (concat!("Authorization: ApiKey ", fake!(alnum 40), "=="), "Authorization: ApiKey <redacted:elastic>"),
            (concat!("cloud es", "su_", fake!(alnum 40), "== ok"), "cloud <redacted:elastic> ok"),
        ],
        negatives: &["ApiKey authentication failed", "apikey aaaaaaaaaaaaaaaaaaaaaaaaa"],
    },
    Detector {
        name: "mongodb_atlas",
        group: Group::Secrets,
        description: "service account secrets of MongoDB Atlas (mdb_sa_sk_…)",
        not_matched: "client ids (mdb_sa_id_…)",
        patterns: &[plain(r"(?-u)mdb_sa_sk_[A-Za-z0-9_-]{30,}")],
        positives: &[(concat!("atlas md", "b_sa_sk_", fake!(alnum 40), " ok"), "atlas <redacted:mongodb_atlas> ok")],
        negatives: &[concat!("mdb_sa_id_", fake!(hex 16)), "mdb_sa_sk_ is the prefix"],
    },
    Detector {
        name: "confluent",
        group: Group::Secrets,
        description: "API secrets of Confluent Cloud (cflt…)",
        not_matched: "ids of API keys; older secrets, unless a keyword precedes them",
        patterns: &[checked(r"(?-u)\bcflt[A-Za-z0-9+/]{50,}={0,2}", validators::mixed)],
        positives: &[(
            concat!("produce cf", "lt", fake!(alnum 40), fake!(alnum 20), " ok"),
            "produce <redacted:confluent> ok",
        )],
        negatives: &["cfltk", concat!("s", "cflt", fake!(alnum 40), fake!(alnum 20))],
    },
    Detector {
        name: "prefect",
        group: Group::Secrets,
        description: "API keys of Prefect Cloud (pnu_…, pnb_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bpn[bu]_[A-Za-z0-9]{30,}", validators::random)],
        positives: &[(concat!("flow pn", "u_", fake!(alnum 36), " ok"), "flow <redacted:prefect> ok")],
        negatives: &["pnu_none"],
    },
];
