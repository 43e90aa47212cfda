//! Tokens of package and model registries.

use super::super::{Detector, Group, plain};

pub(super) const DETECTORS: &[Detector] = &[
    Detector {
        name: "npm",
        group: Group::Secrets,
        description: "npm's access tokens (npm_…), _authToken in .npmrc",
        not_matched: "environment variables of npm (npm_config_…)",
        patterns: &[
            plain(r"(?-u)npm_[A-Za-z0-9]{36,}"),
            plain(r#"(?-u):_(?:authToken|auth|password)[ \t]*=[ \t]*(?:\\*["'])?([^\s"'\\$<]+)"#),
        ],
        positives: &[
            (concat!("publish np", "m_", fake!(alnum 36), " ok"), "publish <redacted:npm> ok"),
            ("//registry.example.org/:_authToken=fake0token", "//registry.example.org/:_authToken=<redacted:npm>"),
        ],
        negatives: &["npm_config_registry=https://x", "npm_package_version", "//x/:_authToken=${NPM_TOKEN}"],
    },
    Detector {
        name: "pypi",
        group: Group::Secrets,
        description: "API tokens of PyPI (pypi-AgE…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)pypi-Ag[EN][A-Za-z0-9_-]{50,}")],
        positives: &[(
            concat!("upload py", "pi-AgEIcHlwaS5vcmc", fake!(alnum 40), fake!(alnum 20), " ok"),
            "upload <redacted:pypi> ok",
        )],
        negatives: &["pypi-AgE is the prefix", "pypi-server"],
    },
    Detector {
        name: "rubygems",
        group: Group::Secrets,
        description: "RubyGems' API keys (rubygems_ and 48 hexadecimal characters)",
        not_matched: "",
        patterns: &[plain(r"(?-u)rubygems_[0-9a-f]{48,}")],
        positives: &[(concat!("push ruby", "gems_", fake!(hex 40), "01234567 ok"), "push <redacted:rubygems> ok")],
        negatives: &["rubygems_version=3.5", "rubygems_0a1b"],
    },
    Detector {
        name: "crates_io",
        group: Group::Secrets,
        description: "API tokens of Rust's package registry (cio and 32 characters)",
        not_matched: "longer and shorter words",
        patterns: &[plain(r"(?-u)\bcio[A-Za-z0-9]{32}\b")],
        positives: &[(concat!("publish ci", "o", fake!(alnum 32), " ok"), "publish <redacted:crates_io> ok")],
        negatives: &["cio", concat!("pre", "cio", fake!(alnum 32))],
    },
    Detector {
        name: "nuget",
        group: Group::Secrets,
        description: "NuGet's API keys (oy2 and 43 characters)",
        not_matched: "",
        patterns: &[plain(r"(?-u)\boy2[a-z0-9]{43}\b")],
        positives: &[(
            concat!("push oy", "2", "fake0token1fake2token3fake4token5fake6token ok"),
            "push <redacted:nuget> ok",
        )],
        negatives: &["oy2short"],
    },
    Detector {
        name: "docker",
        group: Group::Secrets,
        description: "Docker Hub's personal and organization tokens (dckr_pat_…, dckr_oat_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)dckr_[op]at_[A-Za-z0-9_-]{27,}")],
        positives: &[(concat!("login dck", "r_pat_", fake!(alnum 24), "_-x ok"), "login <redacted:docker> ok")],
        negatives: &["dckr_pat_ is the prefix"],
    },
    Detector {
        name: "artifactory",
        group: Group::Secrets,
        description: "JFrog Artifactory's API keys (AKC…) and reference tokens (cmVmdGtu…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)\bAKC[A-Za-z0-9]{61,}"), plain(r"(?-u)\bcmVmdGtu[A-Za-z0-9]{56,}")],
        positives: &[
            (concat!("key AK", "Cp8", fake!(alnum 40), fake!(alnum 32), " ok"), "key <redacted:artifactory> ok"),
            (concat!("cmVm", "dGtu", fake!(alnum 40), fake!(alnum 16)), "<redacted:artifactory>"),
        ],
        negatives: &["AKC registered", "cmVmdGtu"],
    },
    Detector {
        name: "hugging_face",
        group: Group::Secrets,
        description: "Hugging Face's tokens (hf_…, api_org_…)",
        not_matched: "",
        patterns: &[plain(r"(?-u)\b(?:hf|api_org)_[A-Za-z0-9]{30,}")],
        positives: &[
            (concat!("pull h", "f_FakeTokenFakeTokenFakeTokenFakeTo ok"), "pull <redacted:hugging_face> ok"),
            (concat!("api_", "org_FakeTokenFakeTokenFakeTokenFakeTo"), "<redacted:hugging_face>"),
        ],
        negatives: &["hf_hub_download", "hf_home=/cache"],
    },
    Detector {
        name: "clojars",
        group: Group::Secrets,
        description: "Clojars' deploy tokens (CLOJARS_ and 60 characters)",
        not_matched: "",
        patterns: &[plain(r"(?-u)CLOJARS_[0-9a-f]{60}")],
        positives: &[(
            concat!("CLO", "JARS_", "0a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7 ok"),
            "<redacted:clojars> ok",
        )],
        negatives: &["CLOJARS_USERNAME=ada"],
    },
    Detector {
        name: "docker_auth",
        group: Group::Secrets,
        description: "credentials in Docker's config.json (\"auth\": with Base64 of user:password)",
        not_matched: "Base64 of anything else",
        patterns: &[super::super::checked(
            r#"(?-u)\bauth\\*"[ \t]*:[ \t]*\\*"([A-Za-z0-9+/]{6,}={0,2})"#,
            super::super::super::validators::basic_credentials,
        )],
        positives: &[(
            r#"{"auths":{"r.example":{"auth":"dXNlcjpwYXNz"}}}"#,
            r#"{"auths":{"r.example":{"auth":"<redacted:docker_auth>"}}}"#,
        )],
        negatives: &[r#"{"auth":"required"}"#, r#"{"auth":"oauth2"}"#],
    },
];
