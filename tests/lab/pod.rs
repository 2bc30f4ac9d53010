//! A pod as a shell script: one process namespace for all of its containers, and for each a mount namespace with the image below
//! it, a root that cannot be written to and the capabilities that its manifest names. What runc would do, as far as it matters.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value;

/// The folder of a host for its pods.
pub const KUBELET: &str = "/run/kubelet";

/// The inputs of a pod beside its manifest.
pub struct Sources<'a> {
    /// The root file system below the image's own programs: that of this machine, or of another Debian.
    pub root: &'a Path,
    /// The image's `/usr/local`, where the root file system has none.
    pub programs: Option<&'a Path>,
    /// The ConfigMaps of the cluster, a folder each.
    pub config_maps: &'a Path,
}

/// The script that runs a pod until `NAME.stop` is there, as the kubelet runs it. `name` is its folder below [`KUBELET`].
pub fn script(manifest: &str, name: &str, sources: &Sources<'_>) -> String {
    let documents: Vec<Value> = serde_saphyr::from_multiple(manifest).expect("a manifest");
    let found = documents.iter().find(|object| object["kind"] != "ConfigMap").expect("a pod");
    let spec = match found["kind"].as_str() {
        Some("Pod") => &found["spec"],
        _ => &found["spec"]["template"]["spec"],
    };
    assert_eq!(spec["hostNetwork"], true);
    assert_eq!(spec["shareProcessNamespace"], true);
    let mut text = format!(
        r#"
place={KUBELET}/{name}
{AGAIN}
rm -rf $place.stop; mkdir -p $place
# The first process reaps those that nobody waits for, as that of a sandbox does.
unshare --pid --fork --kill-child sh -c 'while :; do sleep 3600 & wait $!; done' &
sandbox=$!
until pause=$(cat /proc/$sandbox/task/$sandbox/children) && [ -n "$pause" ]; do sleep 0.01; done
pause=${{pause% }}
"#
    );
    for volume in list(&spec["volumes"]) {
        text += &volume_script(volume, sources);
    }
    let (first, last) = (list(&spec["initContainers"]), list(&spec["containers"]));
    for container in first.iter().chain(last) {
        text += &container_script(container, sources);
    }
    for container in first {
        let name = container["name"].as_str().expect("a name");
        let _ = match container["restartPolicy"].as_str() {
            Some("Always") => writeln!(text, "again {name} & beside=\"$beside $!\""),
            _ => writeln!(
                text,
                "until [ -e $place.stop ] || (container_{name}) >>$place/{name}.log 2>&1; do echo again >>$place/{name}.restarts; sleep 1; done"
            ),
        };
    }
    for container in last {
        let name = container["name"].as_str().expect("a name");
        let _ = writeln!(text, "again {name} & main=\"$main $!\"; mains=\"$mains {name}\"");
    }
    text + END
}

/// The life of a container, and the end of a pod: keepalived first, those beside it afterwards.
const AGAIN: &str = r#"
beside= main= mains=
# The process of a container.
process() { tr -d ' ' <"/proc/$(cat $place/$1.pid)/task/$(cat $place/$1.pid)/children"; }
again() {
    while [ ! -e $place.stop ]; do
        container_$1 >>$place/$1.log 2>&1 &
        echo $! >$place/$1.pid
        wait $!
        echo again >>$place/$1.restarts
        # CrashLoopBackOff, in a hurry.
        sleep 0.5
    done
}
"#;

const END: &str = r#"
while [ ! -e $place.stop ]; do sleep 0.1; done
for name in $mains; do kill "$(process $name)" 2>/dev/null; done
tries=0
for name in $mains; do
    while kill -0 "$(process $name)" 2>/dev/null && [ $tries -lt 300 ]; do tries=$((tries + 1)); sleep 0.1; done
done
kill -TERM $(process guard) 2>/dev/null
sleep 0.3
kill -KILL $pause $beside $main 2>/dev/null
wait
for mount in $(awk -v place="$place/" 'index($2, place) == 1 { print $2 }' /proc/mounts | sort -r); do umount -l $mount; done
rm -rf $place $place.stop
"#;

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn volume_script(volume: &Value, sources: &Sources<'_>) -> String {
    let name = volume["name"].as_str().expect("a name");
    let at = format!("$place/volumes/{name}");
    if let Some(path) = volume["hostPath"]["path"].as_str() {
        return format!("mkdir -p {path} {at}; mount --bind {path} {at}\n");
    }
    if let Some(map) = volume["configMap"]["name"].as_str() {
        let folder = sources.config_maps.join(map);
        let folder = folder.display();
        let is_optional = volume["configMap"]["optional"] == true;
        let or = if is_optional { "true" } else { "{ echo no ConfigMap >&2; exit 1; }" };
        return format!("mkdir -p {at}; [ -d {folder} ] && cp {folder}/* {at}/ || {or}\n");
    }
    format!("mkdir -p {at}; mount -t tmpfs tmpfs {at}\n")
}

fn container_script(container: &Value, sources: &Sources<'_>) -> String {
    let name = container["name"].as_str().expect("a name");
    let rights = &container["securityContext"];
    assert_eq!(rights["readOnlyRootFilesystem"], true);
    assert_eq!(rights["allowPrivilegeEscalation"], false);
    let root = format!("$place/{name}.root");
    let lower = sources.root.display();
    let mut text = format!(
        r#"
container_{name}() {{
    exec nsenter --target $pause --pid -- unshare --mount sh -c '
set -e
mkdir -p {root}
mount -t tmpfs tmpfs {root}
mkdir {root}/upper {root}/work {root}/root
mount -t overlay overlay -o lowerdir={lower},upperdir={root}/upper,workdir={root}/work {root}/root
cd {root}/root
mkdir -p usr/local proc sys dev
mount --rbind /dev dev
mount --bind /sys sys
mount -t proc proc proc
mount --bind proc/sys proc/sys
mount -o remount,bind,ro proc/sys
"#
    );
    if let Some(programs) = sources.programs {
        let _ = writeln!(text, "mount --bind {} usr/local", programs.display());
    }
    for mount in list(&container["volumeMounts"]) {
        let path = mount["mountPath"].as_str().expect("a path").trim_start_matches('/');
        let volume = mount["name"].as_str().expect("a name");
        let _ = writeln!(text, "mkdir -p {path}; mount --bind $place/volumes/{volume} {path}");
    }
    let caps = list(&rights["capabilities"]["add"]).iter().filter_map(Value::as_str);
    let caps: String = caps.map(|cap| format!(",+{}", cap.to_lowercase())).collect();
    let environment = list(&container["env"]).iter().map(|entry| {
        format!("{}={}", entry["name"].as_str().expect("a name"), entry["value"].as_str().unwrap())
    });
    let environment = environment.collect::<Vec<_>>().join(" ");
    let words = list(&container["command"]).iter().chain(list(&container["args"]));
    let words = words.filter_map(Value::as_str).collect::<Vec<_>>().join(" ");
    let _ = writeln!(text, "mount -o remount,ro {root}/root");
    let _ = writeln!(
        text,
        "exec chroot . env -i PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin {environment} setpriv --bounding-set=-all{caps} --no-new-privs {words}'\n}}"
    );
    // The shell of the container knows the folder of the pod by its own variable.
    text.replace("sh -c '", "env place=$place sh -c '")
}
