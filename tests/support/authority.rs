//! A certificate authority for one test, by the `openssl` command: independent of the TLS code under test.
//!
//! Output: paths of PEM files, in a temporary folder that is removed with the value.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// Extensions of a CA's certificate, and of an issued one, independent of the system's configuration.
const SECTIONS: &str = "[req]\ndistinguished_name=name\n[name]\n[ca]\nbasicConstraints=critical,CA:TRUE\n\
                        keyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n";

/// A certificate authority with its key.
pub struct Authority {
    folder: TempDir,
}

/// A certificate and its key.
pub struct Issued {
    pub certificate: PathBuf,
    pub key: PathBuf,
    /// Both in one file, as Kafka requires for a key store of type PEM.
    pub both: PathBuf,
}

impl Authority {
    /// Creates the authority's key and its own certificate.
    ///
    /// # Panics
    /// If there is no `openssl`, or it fails.
    pub fn new(name: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("logskiff-ca-").tempdir().expect("a temporary folder");
        fs::write(folder.path().join("openssl.cnf"), SECTIONS).expect("written");
        let authority = Self { folder };
        let subject = format!("/CN={name}");
        authority.openssl(&[
            &["req", "-x509", "-extensions", "ca", "-days", "2", "-keyout", "ca.key", "-out", "ca.pem"][..],
            &["-subj", &subject],
            &NEW_KEY,
        ]);
        authority
    }

    /// The CA's certificate.
    pub fn certificate(&self) -> PathBuf {
        self.at("ca.pem")
    }

    /// Issues a certificate for alternative names such as `IP:127.0.0.1` or `DNS:broker.example`.
    pub fn issue(&self, name: &str, alternative_names: &str) -> Issued {
        self.issue_for(name, alternative_names, "2")
    }

    /// The same, with an expired certificate.
    pub fn issue_expired(&self, name: &str, alternative_names: &str) -> Issued {
        // OpenSSL takes a negative number of days: valid from now until then.
        self.issue_for(name, alternative_names, "-1")
    }

    fn issue_for(&self, name: &str, alternative_names: &str, days: &str) -> Issued {
        let [certificate, key, request, extensions] =
            ["pem", "key", "csr", "cnf"].map(|extension| format!("{name}.{extension}"));
        fs::write(self.at(&extensions), format!("subjectAltName={alternative_names}\n")).expect("written");
        let subject = format!("/CN={name}");
        self.openssl(&[&["req", "-new", "-keyout", &key, "-out", &request, "-subj", &subject], &NEW_KEY]);
        self.openssl(&[
            &["x509", "-req", "-in", &request, "-out", &certificate, "-extfile", &extensions, "-days", days][..],
            &["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
        ]);
        let (certificate, key, both) = (self.at(&certificate), self.at(&key), self.at(&format!("{name}-both.pem")));
        let parts = [&key, &certificate].map(|path| fs::read_to_string(path).expect("a PEM file"));
        fs::write(&both, parts.concat()).expect("written");
        Issued { certificate, key, both }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    #[track_caller]
    fn openssl(&self, arguments: &[&[&str]]) {
        let output = Command::new("openssl")
            .args(arguments.concat())
            .current_dir(self.folder.path())
            .env("OPENSSL_CONF", Path::new("openssl.cnf"))
            .stdin(Stdio::null())
            .output()
            .expect("openssl is installed");
        assert!(output.status.success(), "openssl failed: {}", String::from_utf8_lossy(&output.stderr));
    }
}

/// Keys on a curve are fast to generate; without a passphrase.
const NEW_KEY: [&str; 5] = ["-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"];
