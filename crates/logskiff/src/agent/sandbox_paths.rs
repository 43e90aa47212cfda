//! What the process needs of the file system, gathered from the modules, and the word on how far it is confined to that.

use std::path::PathBuf;

use crate::config::Config;
use crate::delivery::checkpoint;
use crate::sandbox::landlock::{self, Reached};
use crate::sink::OutputConfig;
use crate::source::{self, Protected, fixed_directory};

/// Confines this thread to what is configured, if it is to be, and says what came of it.
pub(super) fn confine(config: &Config) {
    if !config.process.landlock {
        tracing::info!("not confined: LOGSKIFF_LANDLOCK is off");
        return;
    }
    let confined = landlock::confine(&reach(config));
    let readable: Vec<String> = confined.readable.iter().map(|place| place.display().to_string()).collect();
    let readable = readable.join(", ");
    match &confined.reached {
        Reached::Fully => tracing::info!(reached = "fully", readable, "confined"),
        // What the configuration can change is worth a warning, an older kernel is not.
        Reached::Partly(why) if confined.reads_everything() => {
            tracing::warn!(reached = "partly", why, readable, "confined");
        }
        Reached::Partly(why) => tracing::info!(reached = "partly", why, readable, "confined"),
        Reached::Not(why) => tracing::warn!(why, "not confined; everything else works"),
    }
}

fn reach(config: &Config) -> landlock::Config {
    let logs = config.inputs.iter().flat_map(|input| {
        let roots = input.source.paths.iter().filter_map(|glob| Some(fixed_directory(glob)?.0));
        // What a link leads to that the application may have made is not to come within reach by it.
        roots.map(|root| (source::trusted_directory(&root), input.source.delete_rotated))
    });
    // The system's certificates, where SSL_CERT_FILE and SSL_CERT_DIR put them elsewhere.
    let probed = openssl_probe::probe();
    let authorities = probed.cert_file.into_iter().chain(probed.cert_dir);
    landlock::Config {
        logs: logs.collect(),
        files: named(config).chain(authorities).collect(),
        state: config.checkpoint.dir.clone(),
        written: config.process.termination_log.clone(),
    }
}

/// What no glob may read, whatever it names.
pub(super) fn protected(config: &Config) -> Protected {
    Protected {
        files: named(config).chain(config.secret_files.iter().cloned()).collect(),
        state: config.checkpoint.dir.clone(),
        state_names: &checkpoint::NAMES,
    }
}

/// The files that are read again while logskiff runs.
fn named(config: &Config) -> impl Iterator<Item = PathBuf> {
    config.output.outputs.iter().flat_map(OutputConfig::files).chain(config.encode.pod.labels_file.clone())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// Goal: every file that a variable names is among those that stay in reach.
    #[test]
    fn what_is_named_is_in_reach() {
        let dir = tempfile::tempdir().unwrap();
        let file = |name: &str| {
            let path = dir.path().join(name).display().to_string();
            std::fs::write(&path, "secret").unwrap();
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
        let reach = reach(&config);
        for path in &paths {
            assert!(reach.files.contains(&PathBuf::from(path)), "{path} is not among {:?}", reach.files);
        }
        let logs = [("/var/log/app", false), ("/var/log/web", false), ("/srv/audit", true)];
        assert_eq!(reach.logs, logs.map(|(root, deletes)| (PathBuf::from(root), deletes)));
        assert_eq!(reach.state.as_deref(), Some(Path::new("/var/lib/state")));
        assert_eq!(reach.written.as_deref(), Some(Path::new("/dev/last-word")));
        assert!(!reach.files.iter().any(|path| path.ends_with("b")));
    }

    #[test]
    fn the_files_of_a_syslog_output_and_a_token_are_in_reach() {
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
        let files = reach(&config).files;
        assert!(["/t/ca", "/t/cert", "/t/key"].iter().all(|path| files.contains(&PathBuf::from(path))), "{files:?}");
        let vars = [
            ("LOGSKIFF_PATHS", "/var/log/app/*.log"),
            ("LOGSKIFF_OUTPUT", "kafka"),
            ("LOGSKIFF_KAFKA_BROKERS", "broker:9093"),
            ("LOGSKIFF_KAFKA_SASL", "oauthbearer"),
            ("LOGSKIFF_KAFKA_TOKEN_FILE", "/t/token"),
        ];
        let config = Config::from_vars(vars.map(|(name, value)| (name.to_owned(), value.to_owned()))).unwrap();
        assert!(reach(&config).files.contains(&PathBuf::from("/t/token")));
    }
}
