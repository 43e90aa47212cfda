//! Collects the paths that the process needs from the configuration, and confines it to them.

use std::path::{Path, PathBuf};

use crate::config::Config;
use crate::delivery::checkpoint;
use crate::sandbox::landlock::{self, Reached};
use crate::sink::OutputConfig;
use crate::source::{self, Protected, fixed_directory};

/// Confines this thread to the configured paths, unless that is switched off, and logs the result.
pub(super) fn confine(config: &Config) {
    if !config.process.landlock {
        tracing::info!("not confined: LOGSKIFF_LANDLOCK is off");
        return;
    }
    let confined = landlock::confine(&allowed_paths(config));
    let readable: Vec<String> = confined.readable.iter().map(|place| place.display().to_string()).collect();
    let readable = readable.join(", ");
    match &confined.reached {
        Reached::Fully => tracing::info!(reached = "fully", readable, "confined"),
        // The configuration can change this, so it is a warning. An older kernel is not.
        Reached::Partly(why) if confined.reads_everything() => {
            tracing::warn!(reached = "partly", why, readable, "confined");
        }
        Reached::Partly(why) => tracing::info!(reached = "partly", why, readable, "confined"),
        Reached::Not(why) => tracing::warn!(why, "not confined; everything else works"),
    }
}

fn allowed_paths(config: &Config) -> landlock::Config {
    let logs = config.inputs.iter().flat_map(|input| {
        let roots = input.source.paths.iter().filter_map(|glob| Some(fixed_directory(glob)?.0));
        // A symbolic link that the application may have made must not allow another directory.
        roots.map(|root| (source::trusted_directory(&root), input.source.delete_rotated))
    });
    // The system's certificates, or those of SSL_CERT_FILE and SSL_CERT_DIR.
    let probed = openssl_probe::probe();
    let authorities = probed.cert_file.into_iter().chain(probed.cert_dir);
    landlock::Config {
        logs: logs.collect(),
        files: named(config).chain(authorities).collect(),
        state: config.checkpoint.dir.clone(),
        written: config.process.termination_log.clone(),
    }
}

/// The files that are never read as logs, even if a glob matches them.
pub(super) fn protected(config: &Config) -> Protected {
    Protected {
        files: named(config).chain(config.secret_files.iter().cloned()).collect(),
        state: config.checkpoint.dir.clone(),
        state_names: &checkpoint::NAMES,
    }
}

/// The files that are read again while logskiff runs.
fn named(config: &Config) -> impl Iterator<Item = PathBuf> {
    let rules = config.inputs.iter().flat_map(|input| &input.redact.files);
    let rules = rules.flat_map(|file| file.sources().map(Path::to_owned));
    config.output.outputs.iter().flat_map(OutputConfig::files).chain(config.encode.pod.labels_file.clone()).chain(rules)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Goal: all files that variables name are allowed.
    #[test]
    fn configured_files_are_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = dir.path().join(name).display().to_string();
            std::fs::write(&path, crate::config::pem::self_signed()).unwrap();
            path
        };
        let paths: Vec<String> =
            ["ca", "cert", "key", "password", "labels", "crl"].iter().map(|name| file(name)).collect();
        let properties = format!("ssl.crl.location={}\nclient.rack=a/b", paths[5]);
        let config = Config::from_vars(
            [
                ("LOGSKIFF_PATHS", "/var/log/app/**/*.log,/var/log/web/{a,b}.log"),
                ("LOGSKIFF_INPUT_AUDIT_PATHS", "/srv/audit/*.log"),
                ("LOGSKIFF_INPUT_AUDIT_DELETE_ROTATED", "acknowledged"),
                ("LOGSKIFF_STATE_DIR", "/var/lib/state"),
                ("LOGSKIFF_TERMINATION_LOG", "/dev/last-word"),
                ("LOGSKIFF_OUTPUT", "kafka"),
                ("LOGSKIFF_KAFKA_BROKERS", "broker:9093"),
                ("LOGSKIFF_KAFKA_TLS", "on"),
                ("LOGSKIFF_KAFKA_TLS_CA_FILE", &paths[0]),
                ("LOGSKIFF_KAFKA_TLS_CERT_FILE", &paths[1]),
                ("LOGSKIFF_KAFKA_TLS_KEY_FILE", &paths[2]),
                ("LOGSKIFF_KAFKA_SASL", "plain"),
                ("LOGSKIFF_KAFKA_USERNAME", "me"),
                ("LOGSKIFF_KAFKA_PASSWORD_FILE", &paths[3]),
                ("LOGSKIFF_KAFKA_PROPERTIES", &properties),
                ("LOGSKIFF_LABELS_FILE", &paths[4]),
            ]
            .map(|(name, value)| (name.to_owned(), value.to_owned())),
        )
        .unwrap();
        let allowed = allowed_paths(&config);
        for path in &paths {
            assert!(allowed.files.contains(&PathBuf::from(path)), "{path} is not among {:?}", allowed.files);
        }
        let logs = [("/var/log/app", false), ("/var/log/web", false), ("/srv/audit", true)];
        assert_eq!(allowed.logs, logs.map(|(root, deletes)| (PathBuf::from(root), deletes)));
        assert_eq!(allowed.state.as_deref(), Some(Path::new("/var/lib/state")));
        assert_eq!(allowed.written.as_deref(), Some(Path::new("/dev/last-word")));
        assert!(!allowed.files.iter().any(|path| path.ends_with("b")));
    }

    #[test]
    fn the_files_of_a_syslog_output_and_a_token_are_allowed() {
        let tls = crate::sink::syslog::tls::Config {
            ca_file: Some("/t/ca".into()),
            cert_file: Some("/t/cert".into()),
            key_file: Some("/t/key".into()),
            ..Default::default()
        };
        let vars = [
            ("LOGSKIFF_OUTPUT", "syslog"),
            ("LOGSKIFF_SYSLOG_ADDRESS", "tcp://logs:514"),
            ("LOGSKIFF_PATHS", "/var/log/app/*.log"),
        ];
        let mut config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        let OutputConfig::Syslog(syslog) = &mut config.output.outputs[0] else { panic!("syslog is the output") };
        syslog.tls = tls;
        let files = allowed_paths(&config).files;
        assert!(["/t/ca", "/t/cert", "/t/key"].iter().all(|path| files.contains(&PathBuf::from(path))), "{files:?}");
        let vars = [
            ("LOGSKIFF_PATHS", "/var/log/app/*.log"),
            ("LOGSKIFF_OUTPUT", "kafka"),
            ("LOGSKIFF_KAFKA_BROKERS", "broker:9093"),
            ("LOGSKIFF_KAFKA_SASL", "oauthbearer"),
            ("LOGSKIFF_KAFKA_TOKEN_FILE", "/t/token"),
        ];
        let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        assert!(allowed_paths(&config).files.contains(&PathBuf::from("/t/token")));
    }
}
