//! Which pods get logskiff, what they get, and the warning if a pod does not get it.

use std::time::Duration;

use serde_json::{Value, json};

use super::{LABEL, SOON, admitted, app, injected, mounts, status, variable, volume};
use crate::support::helm::{environment, sidecar, sidecars};
use crate::support::kubernetes::{Cluster, SYSTEM, pod};
use crate::support::wait_until;

#[test]
fn labels_select_pods() {
    let Some(cluster) = Cluster::prepare("labels", &[]) else { return };
    cluster.install_injector(&[]);
    injected(&cluster, &[], &json!({}));
    for labels in [&[][..], &[("logskiff.dev/inject", "false")], &[("logskiff.dev/inject", "yes")]] {
        let pod = admitted(&cluster, labels, &[], &json!({}));
        assert!(sidecars(&pod).is_empty() && status(&pod).is_empty(), "{labels:?}");
    }
    let Some(labelled) = Cluster::prepare("labelled", &[LABEL]) else { return };
    std::thread::sleep(Duration::from_secs(1));
    for labels in [&[][..], &[LABEL], &[("app", "shop")]] {
        let pod = admitted(&labelled, labels, &[], &json!({}));
        assert_eq!(sidecars(&pod).len(), 1, "{labels:?}");
        assert_eq!(pod["metadata"]["labels"]["logskiff.dev/sidecar"], "true");
    }
    let out = admitted(&labelled, &[("logskiff.dev/inject", "false")], &[], &json!({}));
    assert!(sidecars(&out).is_empty());
    let windows = admitted(&labelled, &[], &[], &json!({"os": {"name": "windows"}}));
    assert!(sidecars(&windows).is_empty());
    // System namespaces are never changed, whatever their pods request.
    for namespace in ["kube-system", SYSTEM] {
        let left = cluster.admit_in(namespace, &pod(&[LABEL], &[], &json!({}))).unwrap().object;
        assert!(sidecars(&left).is_empty(), "{namespace}");
    }
}

/// Both ways to the same pod, as the API server stores them: no field of the container, the volumes and the mounts
/// differs.
#[test]
fn injection_equals_the_library() {
    let Some(cluster) = Cluster::prepare("equal", &[]) else { return };
    for (values, library, secret) in [
        (&[][..], &[][..], false),
        (
            &["--set", "secret=kafka-user,env.LOGSKIFF_KAFKA_PASSWORD_FILE=/etc/logskiff/secrets/password"][..],
            &[
                "--set",
                "logskiff.secretFiles[0].name=kafka-user,logskiff.secretFiles[0].optional=true,logskiff.env.LOGSKIFF_KAFKA_PASSWORD_FILE=/etc/logskiff/secrets/password",
            ],
            true,
        ),
        (
            &["--set", "env.LOGSKIFF_HTTP_LISTEN=127.0.0.1:9600"],
            &["--set", "logskiff.http.listen=127.0.0.1:9600"],
            false,
        ),
        (&["--set-string", "env.LOGSKIFF_HTTP_LISTEN=off"], &["--set-string", "logskiff.http.listen=off"], false),
        (&["--set", "env.LOGSKIFF_DELETE_ROTATED=acknowledged"], &["--set", "logskiff.logs.deleteRotated=true"], false),
        (
            &[
                "--set",
                "env.LOGSKIFF_INPUT_A_PATHS=/var/log/app/a.log,env.LOGSKIFF_INPUT_A_DELETE_ROTATED=acknowledged",
            ],
            &[
                "--set",
                "logskiff.inputs.a.paths[0]=/var/log/app/a.log,logskiff.env.LOGSKIFF_INPUT_A_DELETE_ROTATED=acknowledged",
            ],
            false,
        ),
    ] {
        let common = ["--set", "env.LOGSKIFF_REDACT=secrets\\,pii,env.LOGSKIFF_FIELDS=team={label.team:unknown}"];
        cluster.install_injector(&[&common, values].concat());
        // The injector's default, so that a mistake takes no application out of its Service.
        let rendered = cluster.helm.pod(&[&["--set", "logskiff.env.LOGSKIFF_ON_MISTAKE=wait"], library].concat());
        let bare = cluster.helm.pod(&["--set", "logskiff.enabled=false"]);
        let made = |template: &Value, label: Option<(&str, &str)>| {
            let labels: Vec<_> = label.into_iter().collect();
            cluster.admit(&pod(&labels, &[], &template["spec"])).unwrap().object
        };
        let (by_library, by_policy) = (made(&rendered, None), made(&bare, Some(LABEL)));
        let (expected, found) = (sidecar(&by_library), sidecar(&by_policy));
        let fields = expected.as_object().unwrap();
        for (field, value) in fields {
            assert_eq!(&found[field], value, "{field}");
        }
        assert_eq!(found.as_object().unwrap().len(), fields.len(), "no field more");
        let volumes = |pod: &Value| -> Vec<Value> {
            let all = pod["spec"]["volumes"].as_array().unwrap().iter();
            all.filter(|volume| volume["name"].as_str().unwrap().starts_with("logskiff-")).cloned().collect()
        };
        assert_eq!(volumes(&by_policy), volumes(&by_library));
        assert_eq!(volumes(&by_policy).len(), if secret { 5 } else { 4 });
        assert_eq!(app(&by_policy)["volumeMounts"], app(&by_library)["volumeMounts"]);
        assert_eq!(
            by_policy["metadata"]["labels"]["logskiff.dev/sidecar"],
            rendered["metadata"]["labels"]["logskiff.dev/sidecar"]
        );
    }
}

#[test]
fn annotations_change_one_pod() {
    let Some(cluster) = Cluster::prepare("annotations", &[]) else { return };
    cluster.install_injector(&["--set", "secret=common"]);
    let two = json!({"containers": [
        {"name": "app", "image": "a"},
        {"name": "proxy", "image": "b", "securityContext": {"runAsUser": 101, "runAsGroup": 102}},
    ]});
    let plain = injected(&cluster, &[], &two);
    assert_eq!(mounts(&plain["spec"]["containers"][0]), [("logskiff-logs", "/var/log/app")]);
    assert_eq!(mounts(&plain["spec"]["containers"][1]), [("logskiff-logs", "/var/log/app")]);
    assert_eq!(variable(&plain, "CONTAINER_NAME"), None, "there are two");

    let pod = injected(
        &cluster,
        &[
            ("logskiff.dev/log-path", "/srv/logs"),
            ("logskiff.dev/paths", "/srv/logs/{a,b}.log"),
            ("logskiff.dev/containers", "proxy, "),
            ("logskiff.dev/secret", "mine"),
            ("logskiff.dev/image", "registry.example.com/logskiff:next"),
            ("logskiff.dev/cpu-request", "50m"),
            ("logskiff.dev/memory-request", "32Mi"),
            ("logskiff.dev/memory-limit", "128Mi"),
            ("logskiff.dev/log-size-limit", "2Gi"),
            ("env.logskiff.dev/LOGSKIFF_KAFKA_TOPIC", "payments"),
            ("env.logskiff.dev/LOGSKIFF_LINGER", "10ms"),
            ("env.logskiff.dev/CONTAINER_NAME", "edge"),
            ("example.com/other", "kept"),
        ],
        &two,
    );
    let container = sidecar(&pod);
    assert_eq!(mounts(&pod["spec"]["containers"][0]), []);
    assert_eq!(mounts(&pod["spec"]["containers"][1]), [("logskiff-logs", "/srv/logs")]);
    assert_eq!(mounts(container)[0], ("logskiff-logs", "/srv/logs"));
    assert_eq!(container["image"], "registry.example.com/logskiff:next");
    assert_eq!(
        container["resources"],
        json!({"requests": {"cpu": "50m", "memory": "32Mi"}, "limits": {"memory": "128Mi"}})
    );
    assert_eq!(container["securityContext"]["runAsUser"], 101, "the user of the container that logs");
    assert_eq!(container["securityContext"]["runAsGroup"], 102);
    assert_eq!(volume(&pod, "logskiff-logs").unwrap()["emptyDir"]["sizeLimit"], "2Gi");
    assert_eq!(volume(&pod, "logskiff-secrets").unwrap()["projected"]["sources"][0]["secret"]["name"], "mine");
    assert_eq!(variable(&pod, "LOGSKIFF_PATHS").unwrap(), "/srv/logs/{a,b}.log");
    assert_eq!(variable(&pod, "LOGSKIFF_KAFKA_TOPIC").unwrap(), "payments");
    assert_eq!(variable(&pod, "LOGSKIFF_LINGER").unwrap(), "10ms");
    assert_eq!(variable(&pod, "LOGSKIFF_KAFKA_BROKERS").unwrap(), "kafka:9092", "the common value");
    assert_eq!(variable(&pod, "CONTAINER_NAME").unwrap(), "edge");
    let order: Vec<_> = environment(container).into_iter().map(|(name, _)| name).collect();
    assert!(order[5..].is_sorted(), "always in one order: {order:?}");

    // The user that runs it.
    let user = |annotations: &[(&str, &str)], spec: &Value| {
        injected(&cluster, annotations, spec)["spec"]["initContainers"][0]["securityContext"]["runAsUser"].clone()
    };
    assert_eq!(user(&[], &json!({})), Value::Null, "the image's");
    assert_eq!(user(&[], &json!({"securityContext": {"runAsUser": 1000}})), Value::Null, "the pod's");
    assert_eq!(user(&[], &json!({"securityContext": {"runAsUser": 0}})), 65532, "not root");
    assert_eq!(user(&[("logskiff.dev/run-as-user", "1234")], &two), 1234);

    // Named inputs: no default path in addition.
    let named =
        injected(&cluster, &[("env.logskiff.dev/LOGSKIFF_INPUT_ACCESS_PATHS", "/var/log/app/access.log")], &json!({}));
    assert_eq!(variable(&named, "LOGSKIFF_PATHS"), None);
    assert_eq!(variable(&named, "CONTAINER_NAME").unwrap(), "app");

    // An empty annotation has no effect; a slash at the end of a path is not part of its name.
    let empty =
        ["image", "log-path", "volume", "containers", "secret", "run-as-user", "memory-limit", "cpu-limit", "paths"]
            .map(|name| format!("logskiff.dev/{name}"));
    injected(&cluster, &empty.each_ref().map(|name| (name.as_str(), "")), &json!({}));
    let slash = injected(&cluster, &[("logskiff.dev/log-path", "/srv/logs/")], &json!({}));
    assert_eq!(mounts(sidecar(&slash))[0].1, "/srv/logs");
    assert_eq!(variable(&slash, "LOGSKIFF_PATHS").unwrap(), "/srv/logs/**/*.log");

    // A quota may require a CPU limit; resources of the whole pod are shared.
    let limited = injected(&cluster, &[("logskiff.dev/cpu-limit", "200m")], &json!({}));
    assert_eq!(sidecar(&limited)["resources"]["limits"], json!({"cpu": "200m", "memory": "64Mi"}));
    let whole =
        json!({"resources": {"requests": {"cpu": "5m", "memory": "8Mi"}, "limits": {"cpu": "5m", "memory": "8Mi"}}});
    assert!(sidecar(&injected(&cluster, &[], &whole))["resources"]["requests"].is_null());

    // On the node's network a declared port would be a port of the node.
    let host = injected(&cluster, &[], &json!({"hostNetwork": true}));
    assert!(sidecar(&host).get("ports").is_none());

    // The pod's own paths take precedence over the common ones.
    cluster.install_injector(&["--set", "env.LOGSKIFF_PATHS=/var/log/app/*.txt"]);
    for (annotations, paths) in [
        (&[][..], "/var/log/app/*.txt"),
        (&[("logskiff.dev/log-path", "/srv"), ("logskiff.dev/paths", "/srv/a.log")], "/srv/a.log"),
        (&[("logskiff.dev/paths", "/srv/a.log"), ("env.logskiff.dev/LOGSKIFF_PATHS", "/srv/b.log")], "/srv/b.log"),
    ] {
        let pod = injected(&cluster, annotations, &json!({}));
        let printed: Vec<_> =
            environment(sidecar(&pod)).into_iter().filter(|(name, _)| name == "LOGSKIFF_PATHS").collect();
        assert_eq!(printed, [("LOGSKIFF_PATHS".to_owned(), paths.to_owned())]);
    }
}

#[test]
fn volumes_and_init_containers_of_the_pod_stay() {
    let Some(cluster) = Cluster::prepare("existing", &[]) else { return };
    cluster.install_injector(&[]);
    let spec = |path: &str| {
        json!({
            "volumes": [{"name": "data", "emptyDir": {}}],
            "initContainers": [{"name": "migrate", "image": "a"}, {"name": "proxy", "image": "b", "restartPolicy": "Always"}],
            "containers": [
                {"name": "app", "image": "c", "volumeMounts": [{"name": "data", "mountPath": path}]},
                {"name": "other", "image": "d"},
            ],
        })
    };
    // Named by an annotation: mounted at the application's path.
    let named =
        injected(&cluster, &[("logskiff.dev/volume", "data"), ("logskiff.dev/containers", "app")], &spec("/data/logs"));
    assert!(volume(&named, "logskiff-logs").is_none());
    assert_eq!(mounts(sidecar(&named))[0], ("data", "/data/logs"));
    assert_eq!(mounts(app(&named)), [("data", "/data/logs")]);
    assert_eq!(variable(&named, "LOGSKIFF_PATHS").unwrap(), "/data/logs/**/*.log");
    // Already mounted at the path: found automatically, and mounted in the container that lacks it.
    let found = injected(&cluster, &[], &spec("/var/log/app"));
    assert!(volume(&found, "logskiff-logs").is_none());
    assert_eq!(mounts(sidecar(&found))[0], ("data", "/var/log/app"));
    assert_eq!(mounts(&found["spec"]["containers"][1]), [("data", "/var/log/app")]);
    // A subpath of a volume stays a subpath.
    let mut part = spec("/var/log/app");
    part["containers"][0]["volumeMounts"][0]["subPath"] = json!("shop");
    let part = injected(&cluster, &[], &part);
    for container in [sidecar(&part), &part["spec"]["containers"][1]] {
        assert_eq!(
            container["volumeMounts"].as_array().unwrap().iter().find(|mount| mount["name"] == "data").unwrap()["subPath"],
            "shop"
        );
    }
    // Elsewhere: an additional new volume.
    let beside = injected(&cluster, &[], &spec("/data"));
    assert_eq!(mounts(app(&beside)), [("data", "/data"), ("logskiff-logs", "/var/log/app")]);
    let order: Vec<_> = beside["spec"]["initContainers"].as_array().unwrap().iter().map(|c| &c["name"]).collect();
    assert_eq!(order, ["logskiff", "migrate", "proxy"]);
    // logskiff by the library, in a labelled namespace: injected only once.
    let rendered = cluster.helm.pod(&[]);
    let labels = [LABEL];
    let twice = cluster.admit(&pod(&labels, &[], &rendered["spec"])).unwrap().object;
    sidecar(&twice);
}

#[test]
fn a_mistake_is_reported_and_the_pod_unchanged() {
    let Some(cluster) = Cluster::prepare("mistakes", &[]) else { return };
    cluster.install_injector(&[]);
    let state = json!({"volumes": [{"name": "logskiff-state", "emptyDir": {}}]});
    let nothing = json!({});
    for (annotations, spec, says) in [
        (&[("logskiff.dev/log-pth", "/a")][..], &nothing, "logskiff.dev/log-pth: unknown annotation"),
        (
            &[("env.logskiff.dev/LOGSKIF_PATHS", "/a")],
            &nothing,
            "env.logskiff.dev/LOGSKIF_PATHS: not a variable of logskiff",
        ),
        (&[("logskiff.dev/volume", "data")], &nothing, "logskiff.dev/volume: the pod has no volume data"),
        (&[("logskiff.dev/containers", "app,web")], &nothing, "logskiff.dev/containers: the pod has no container web"),
        (&[("logskiff.dev/log-path", "logs")], &nothing, "logskiff.dev/log-path: logs is not an absolute path"),
        (
            &[("logskiff.dev/run-as-user", "0")],
            &nothing,
            "logskiff.dev/run-as-user: not a user id from 1 to 2147483647",
        ),
        (
            &[("logskiff.dev/run-as-user", "root")],
            &nothing,
            "logskiff.dev/run-as-user: not a user id from 1 to 2147483647",
        ),
        (&[("logskiff.dev/memory-limit", "lots")], &nothing, "logskiff.dev/memory-limit: lots is not a quantity"),
        (
            &[("env.logskiff.dev/LOGSKIFF_HTTP_LISTEN", "here")],
            &nothing,
            "LOGSKIFF_HTTP_LISTEN: neither an address with a port nor off",
        ),
        (&[("logskiff.dev/log-path", "/")], &nothing, "logskiff.dev/log-path: / is not an absolute path"),
        (&[("logskiff.dev/log-path", "/a:b")], &nothing, "logskiff.dev/log-path: /a:b is not an absolute path"),
        (
            &[("logskiff.dev/log-path", "/var/lib/logskiff/")],
            &nothing,
            "logskiff.dev/log-path: /var/lib/logskiff is reserved for logskiff",
        ),
        (&[("logskiff.dev/image", "an image")], &nothing, "logskiff.dev/image: not an image"),
        (&[("logskiff.dev/secret", "My_Secret")], &nothing, "logskiff.dev/secret: not the name of a Secret"),
        (
            &[("logskiff.dev/run-as-user", "9999999999")],
            &nothing,
            "logskiff.dev/run-as-user: not a user id from 1 to 2147483647",
        ),
        (
            &[("logskiff.dev/memory-limit", "16Mi")],
            &nothing,
            "logskiff.dev/memory-limit: 16Mi is less than the request, 24Mi",
        ),
        (&[("logskiff.dev/cpu-limit", "1m")], &nothing, "logskiff.dev/cpu-limit: 1m is less than the request, 10m"),
        (&[("logskiff.dev/log-size-limit", "-1Gi")], &nothing, "logskiff.dev/log-size-limit: -1Gi is not a quantity"),
        (
            &[("env.logskiff.dev/LOGSKIFF_HTTP_LISTEN", "0.0.0.0:70000")],
            &nothing,
            "LOGSKIFF_HTTP_LISTEN: neither an address with a port nor off",
        ),
        (&[], &state, "the pod already has a volume logskiff-state"),
    ] {
        let answer = cluster.admit(&pod(&[LABEL], annotations, spec)).unwrap();
        let expected = format!("not injected: {says}");
        assert_eq!(status(&answer.object), expected);
        assert!(answer.warnings.contains(&format!("this pod did not get logskiff: {expected}")), "{}", answer.warnings);
        assert!(sidecars(&answer.object).is_empty());
        assert_eq!(mounts(app(&answer.object)), []);
    }
    let both =
        cluster.admit(&pod(&[LABEL], &[("logskiff.dev/a", ""), ("logskiff.dev/volume", "b")], &nothing)).unwrap();
    assert_eq!(
        status(&both.object),
        "not injected: logskiff.dev/a: unknown annotation; logskiff.dev/volume: the pod has no volume b"
    );
    // If required, such a pod is refused, with the same message.
    cluster.install_injector(&["--set", "missing=Deny"]);
    let refused = cluster.admit(&pod(&[LABEL], &[("logskiff.dev/volume", "b")], &nothing)).unwrap_err();
    assert!(
        refused.contains("did not get logskiff: not injected: logskiff.dev/volume: the pod has no volume b"),
        "{refused}"
    );
    cluster.install_injector(&[]);
}

#[test]
fn a_pod_starts_without_the_parameters() {
    let Some(cluster) = Cluster::prepare("parameters", &[]) else { return };
    cluster.install_injector(&[]);
    cluster.text(&["delete", "configmap", "logskiff", "--namespace", SYSTEM]);
    let mut last = None;
    wait_until("a policy without parameters", SOON, || {
        last = cluster.admit(&pod(&[LABEL], &[], &json!({}))).ok();
        last.as_ref().is_some_and(|answer| sidecars(&answer.object).is_empty())
    });
    let warnings = last.unwrap().warnings;
    assert!(
        warnings.contains("the policy logskiff-system-logskiff did not run; check its ConfigMap logskiff"),
        "{warnings}"
    );
    cluster.install_injector(&["--set", "failurePolicy=Fail"]);
    cluster.text(&["delete", "configmap", "logskiff", "--namespace", SYSTEM]);
    wait_until("a refusal", SOON, || cluster.admit(&pod(&[LABEL], &[], &json!({}))).is_err());
    cluster.install_injector(&[]);
}
