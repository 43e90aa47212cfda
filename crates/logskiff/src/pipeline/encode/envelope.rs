//! The constant part of a file's records.
//!
//! Input: the configuration, the file, the pod and its labels. Output: constant members of records, and the values of
//! templates. All text from outside is redacted, also by its field's name.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::template::{Place, Template};
use super::{Config, field, syslog, write_string};
use redact::Redacted;

/// The constant part of the records of one file.
#[derive(Clone, Debug)]
pub struct Envelope {
    /// The constant members, each with a comma before it.
    pub(super) members: Vec<u8>,
    /// Identifies this incarnation of the file in event ids.
    pub(super) origin: String,
    pub(super) places: BTreeMap<&'static str, String>,
    pub(super) labels: BTreeMap<String, String>,
    pub(super) syslog: Option<syslog::Header>,
}

/// Identity of a file, for its envelope.
#[derive(Clone, Copy, Debug)]
pub struct Source<'s> {
    /// The input's name.
    pub input: &'s str,
    /// The path in its records.
    pub path: &'s str,
    /// The first part of its records' event ids.
    pub origin: &'s str,
    /// The pod's labels.
    pub labels: &'s BTreeMap<String, String>,
    /// The container's labels and environment variables that Docker was told to write to each line.
    pub attrs: Option<&'s BTreeMap<String, String>>,
}

impl Envelope {
    /// Builds the envelope. All text from outside goes through `redact(field name, text)`.
    #[must_use]
    pub fn new(config: &Config, source: &Source<'_>, redact: impl Fn(&str, &str) -> String) -> Self {
        let clean = |name: &str, text: &Option<String>| text.as_deref().map(|text| redact(name, text));
        let pod = &config.pod;
        let path = redact("log.file.path", source.path);
        let file = path.rsplit('/').next().unwrap_or_default().to_owned();
        let known = [
            ("namespace", clean("kubernetes.namespace", &pod.namespace)),
            ("pod", clean("kubernetes.pod.name", &pod.name)),
            ("node", clean("kubernetes.node.name", &pod.node)),
            ("container", clean("kubernetes.container.name", &pod.container)),
            ("input", Some(source.input.to_owned())),
            ("file", Some(file)),
        ];
        let places = known.into_iter().filter_map(|(name, value)| Some((name, value?))).collect();
        let object = |name: &str, members: &BTreeMap<String, String>| -> BTreeMap<String, String> {
            members.iter().map(|(key, value)| (redact("", key), redact(&format!("{name}.{key}"), value))).collect()
        };
        let labels = object("kubernetes.labels", source.labels);
        let mut envelope = Self { members: Vec::new(), origin: source.origin.to_owned(), places, labels, syslog: None };
        envelope.member("log.file.path", &path);
        // The pod's address is not personal data, so it is kept unless its field is masked by name.
        let by_name = |ip: &str| redact("kubernetes.pod.ip", ip) != redact("", ip);
        let is_kept = |ip: &&String| ip.parse::<IpAddr>().is_ok() && !by_name(ip);
        let ip = pod.ip.as_ref().filter(is_kept).cloned().or_else(|| clean("kubernetes.pod.ip", &pod.ip));
        for (name, value) in [
            ("kubernetes.pod.name", clean("kubernetes.pod.name", &pod.name)),
            ("kubernetes.pod.uid", clean("kubernetes.pod.uid", &pod.uid)),
            ("kubernetes.pod.ip", ip),
            ("kubernetes.namespace", clean("kubernetes.namespace", &pod.namespace)),
            ("kubernetes.node.name", clean("kubernetes.node.name", &pod.node)),
            ("kubernetes.container.name", clean("kubernetes.container.name", &pod.container)),
        ] {
            if let Some(value) = value {
                envelope.member(name, &value);
            }
        }
        envelope.members_of("kubernetes.labels", &envelope.labels.clone());
        if let Some(attrs) = source.attrs {
            envelope.members_of("log.attrs", &object("log.attrs", attrs));
        }
        for (name, template) in &config.fields {
            let value = template.render(|place| envelope.known(place));
            envelope.member(name, &redact(name, &value));
        }
        if let Some(syslog) = &config.syslog {
            let known = |name| envelope.places.get(name).map(String::as_str);
            let places = ["pod", "namespace", "node", "container"].map(|name| (name, known(name)));
            let params: Vec<_> = std::iter::once(("file", Some(path.as_str()))).chain(places).collect();
            envelope.syslog = Some(syslog::Header::new(syslog, &envelope, &params));
        }
        envelope
    }

    /// Fills in a template for one record of the file.
    #[must_use]
    pub fn render(&self, template: &Template, redacted: Option<&Redacted<'_>>) -> String {
        template.render(|place| match (place, redacted) {
            (Place::Field(name), Some(redacted)) => field(redacted, name),
            _ => self.known(place),
        })
    }

    pub(super) fn known(&self, place: &Place) -> Option<String> {
        let name = match place {
            Place::Namespace => "namespace",
            Place::Pod => "pod",
            Place::Node => "node",
            Place::Container => "container",
            Place::Input => "input",
            Place::File => "file",
            Place::Label(key) => return self.labels.get(key).cloned(),
            Place::Field(_) | Place::Id | Place::Offset => return None,
        };
        self.places.get(name).cloned()
    }

    fn member(&mut self, name: &str, value: &str) {
        self.members.push(b',');
        write_string(name, &mut self.members);
        self.members.push(b':');
        write_string(value, &mut self.members);
    }

    /// An object, unless it is empty.
    fn members_of(&mut self, name: &str, members: &BTreeMap<String, String>) {
        if members.is_empty() {
            return;
        }
        self.members.push(b',');
        write_string(name, &mut self.members);
        self.members.extend_from_slice(b":{");
        for (at, (key, value)) in members.iter().enumerate() {
            if at > 0 {
                self.members.push(b',');
            }
            write_string(key, &mut self.members);
            self.members.push(b':');
            write_string(value, &mut self.members);
        }
        self.members.push(b'}');
    }
}
