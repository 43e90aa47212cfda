//! Tokens of source hosting and continuous integration.

use super::super::super::validators;
use super::super::{Detector, Group, checked, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "github",
        group: Group::Secrets,
        description: "GitHub's tokens: personal, OAuth, user, server and refresh (ghp_…, gho_…, ghu_…, ghs_…, ghr_…), fine-grained \
                (github_pat_…); check digits are not verified, because a truncated token is a secret too",
        not_matched: "",
        patterns: &[plain(r"(?-u)gh[oprsu]_[A-Za-z0-9_.-]{30,}"), plain(r"(?-u)github_pat_[A-Za-z0-9_]{50,}")],
        positives: &[
            (concat!("cloning with gh", "p_", fake!(alnum 36), " ok"), "cloning with <redacted:github> ok"),
            (concat!("https://gh", "s_", fake!(alnum 36), "@host/x"), "https://<redacted:github>@host/x"),
            (concat!("git", "hub_pat_11", fake!(alnum 20), "_", fake!(alnum 40), "A1b"), "<redacted:github>"),
        ],
        negatives: &["ghp_ is a prefix", "ghs_count=3", "github_pat_expiry=1"],
    },
    Detector {
        name: "gitlab",
        group: Group::Secrets,
        description: "GitLab's tokens: personal, deploy, runner, job, trigger, feed, mail, agent, workspace, OAuth, SCIM, feature flags \
                (glpat-…, gldt-…, glrt-…, glrtr-…, glcbt-…, glptt-…, glft-…, glimt-…, glagent-…, glwt-…, gloas-…, glsoat-…, \
                glffct-…, GR1348941…)",
        not_matched: "",
        patterns: &[
            plain(r"(?-u)gl(?:pat|dt|rtr?|cbt|ptt|ft|imt|agent|oas|soat|ffct|wt)-[A-Za-z0-9_.-]{18,}"),
            plain(r"(?-u)GR1348941[A-Za-z0-9_-]{20,}"),
        ],
        positives: &[
            (concat!("use gl", "pat-", fake!(alnum 20), " now"), "use <redacted:gitlab> now"),
            (concat!("CI_JOB gl", "cbt-64_", fake!(alnum 20), ";"), "CI_JOB <redacted:gitlab>;"),
            (concat!("GR13", "48941", fake!(alnum 20)), "<redacted:gitlab>"),
        ],
        negatives: &["glft-1", "glpat- is the prefix"],
    },
    Detector {
        name: "bitbucket",
        group: Group::Secrets,
        description: "Bitbucket's app passwords and access tokens (ATBB…, ATCTT3…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)ATBB[A-Za-z0-9]{28,}"), plain(r"(?-u)ATCTT3[A-Za-z0-9_=-]{40,}")],
        positives: &[
            (concat!("with AT", "BB", fake!(alnum 32), " ok"), "with <redacted:bitbucket> ok"),
            (concat!("AT", "CTT3xFfGN0", fake!(alnum 40), "=0A1B2C3D"), "<redacted:bitbucket>"),
        ],
        negatives: &["ATBB", "ATCTT3 short"],
    },
    Detector {
        name: "atlassian",
        group: Group::Secrets,
        description: "Atlassian's API tokens (ATATT3…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)ATATT3[A-Za-z0-9_=-]{40,}")],
        positives: &[(
            concat!("jira AT", "ATT3xFfGF0", fake!(alnum 40), "=0A1B2C3D ok"),
            "jira <redacted:atlassian> ok",
        )],
        negatives: &["ATATT3 is the prefix"],
    },
    Detector {
        name: "circleci",
        group: Group::Secrets,
        description: "CircleCI's tokens (CCIPAT_…, CCIPRJ_…), older ones after a keyword",
        not_matched: "40 hexadecimal characters on their own",
        patterns: &[
            plain(r"(?-u)CCIP(?:AT|RJ)_[A-Za-z0-9]+_[A-Za-z0-9]{30,}"),
            plain(concat!("(?x-u)(?i:circle(?:ci)?[a-z_.-]*token)", is!(), "([0-9a-f]{40})")),
        ],
        positives: &[
            (concat!("use CCI", "PAT_", fake!(alnum 20), "_", fake!(hex 40), " ok"), "use <redacted:circleci> ok"),
            (concat!("Circle-Token: ", fake!(hex 40)), "Circle-Token: <redacted:circleci>"),
        ],
        negatives: &["CCIPAT_none", concat!("circle build ", fake!(hex 40))],
    },
    Detector {
        name: "buildkite",
        group: Group::Secrets,
        description: "Buildkite's tokens: API, agent, session, job, registry, portal (bkua_…, bkct_…, bkar_…, bkaa_…, bkaj_…, bkpt_…, bkpat_…, bkps_…)",
        not_matched: "",
        patterns: &[checked(r"(?-u)\bbk(?:ua|ct|a[ajrs]|p[st]|pat)_[A-Za-z0-9_.-]{20,}", validators::random)],
        positives: &[
            (concat!("agent bk", "ua_", fake!(hex 40), " ok"), "agent <redacted:buildkite> ok"),
            (concat!("bk", "aa_", fake!(alnum 36), fake!(alnum 36)), "<redacted:buildkite>"),
        ],
        negatives: &["bkua_none", "bkct_total=5"],
    },
    Detector {
        name: "travis",
        group: Group::Secrets,
        description: "Travis CI's tokens after a keyword (TRAVIS_TOKEN, travis_api_token …)",
        not_matched: "22 characters on their own",
        patterns: &[checked(
            concat!("(?x-u)(?i:travis[a-z_.-]*token)", is!(), "([A-Za-z0-9_-]{20,})"),
            validators::random,
        )],
        positives: &[("TRAVIS_TOKEN=Fake0token1Fake2token3 go", "TRAVIS_TOKEN=<redacted:travis> go")],
        negatives: &["travis token refreshed", "travis_token: none"],
    },
    Detector {
        name: "jenkins",
        group: Group::Secrets,
        description: "Jenkins' API tokens (11 and 32 hexadecimal characters) and crumbs after a keyword",
        not_matched: "34 hexadecimal characters on their own",
        patterns: &[
            plain(concat!("(?x-u)(?i:jenkins[a-z_.-]*(?:token|key|pass[a-z]*))", is!(), "(11[0-9a-f]{32})")),
            plain(concat!("(?x-u)(?i:jenkins-crumb|\\.crumb)", is!(), "([0-9a-f]{32,64})")),
        ],
        positives: &[
            (concat!("JENKINS_API_TOKEN=11", fake!(hex 32), " ok"), "JENKINS_API_TOKEN=<redacted:jenkins> ok"),
            (concat!("Jenkins-Crumb: ", fake!(hex 64)), "Jenkins-Crumb: <redacted:jenkins>"),
        ],
        negatives: &["jenkins token rotated", concat!("jenkins build 11", fake!(hex 32))],
    },
    Detector {
        name: "azure_devops",
        group: Group::Secrets,
        description: "personal access tokens of Azure DevOps (84 characters with the mark AZDO)",
        not_matched: "tokens of the older format (52 characters), unless a keyword precedes them",
        patterns: &[plain(r"(?-u)[A-Za-z0-9]{70,}AZDO[A-Za-z0-9]{4,}")],
        positives: &[(
            concat!("pat ", fake!(alnum 40), fake!(alnum 36), "AZ", "DO0a1b ok"),
            "pat <redacted:azure_devops> ok",
        )],
        negatives: &["AZDO is a mark", "buildAZDOagents", "wordwordAZDOword"],
    },
    Detector {
        name: "sourcegraph",
        group: Group::Secrets,
        description: "Sourcegraph's access tokens (sgp_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)sgp_(?:[0-9a-f]{16}_|local_)?[0-9a-f]{40,}")],
        positives: &[
            (concat!("t sg", "p_", fake!(hex 40), "."), "t <redacted:sourcegraph>."),
            (concat!("sg", "p_", fake!(hex 16), "_", fake!(hex 40)), "<redacted:sourcegraph>"),
        ],
        negatives: &["sgp_local_index"],
    },
    Detector {
        name: "sonarqube",
        group: Group::Secrets,
        description: "SonarQube's user, project and global tokens (squ_…, sqp_…, sqa_…), an organization's (sqco_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)sq[apu]_[0-9a-f]{40,}"), checked(r"(?-u)\bsqco_[A-Za-z0-9]{40,}", validators::random)],
        positives: &[
            (concat!("sonar sq", "u_", fake!(hex 40), " ok"), "sonar <redacted:sonarqube> ok"),
            (concat!("sq", "co_", fake!(alnum 40), fake!(alnum 20)), "<redacted:sonarqube>"),
        ],
        negatives: &["sqp_0a1b"],
    },
    Detector {
        name: "snyk",
        group: Group::Secrets,
        description: "Snyk's tokens (snyk_uat.…), and UUIDs after SNYK_TOKEN",
        not_matched: "UUIDs on their own",
        patterns: &[
            plain(r"(?-u)snyk_[a-z]{3}\.[A-Za-z0-9_.-]{20,}"),
            plain(concat!(
                "(?x-u)(?i:snyk[a-z_.-]*(?:token|key))",
                is!(),
                "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
            )),
        ],
        positives: &[
            (concat!("SNYK_TOKEN=", fake!(uuid), " ok"), "SNYK_TOKEN=<redacted:snyk> ok"),
            (concat!("sn", "yk_uat.0a1b2c3d.", fake!(alnum 24), "-_x"), "<redacted:snyk>"),
        ],
        negatives: &[concat!("snyk project ", fake!(uuid)), "snyk_uat. is the prefix"],
    },
    Detector {
        name: "codecov",
        group: Group::Secrets,
        description: "Codecov's upload tokens: a UUID after CODECOV_TOKEN",
        not_matched: "UUIDs on their own",
        patterns: &[plain(concat!(
            "(?x-u)(?i:codecov[a-z_.-]*token)",
            is!(),
            "([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
        ))],
        positives: &[(concat!("CODECOV_TOKEN='", fake!(uuid), "'"), "CODECOV_TOKEN='<redacted:codecov>'")],
        negatives: &[concat!("codecov upload ", fake!(uuid))],
    },
];
