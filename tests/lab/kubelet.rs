//! The kubelet of a node, and an API server of a few files: what keepalived in pods needs of both.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Output;

use lbgen::language::version::KeepalivedVersion;
use serde_json::Value;

use super::Lab;
use super::node::{Node, agent};
use super::pod::{self, KUBELET, Sources};
use super::release;

/// Starts and ends the pods of a node: the static one by its file, that of a DaemonSet by the file that the API server has for it.
const LOOP: &str = r#"
manifest=/etc/kubernetes/manifests/lbgen-keepalived.yaml
start() {
    $LAB pod "$2" $1 $CLUSTER >$KUBELET/$1.sh && {
        cp "$2" $KUBELET/$1.yaml
        setsid sh $KUBELET/$1.sh >$KUBELET/$1.log 2>&1 &
        echo $! >$KUBELET/$1.pid
    }
}
end() {
    if [ ! -e $KUBELET/$1.pid ]; then return; fi
    : >$KUBELET/$1.stop
    while kill -0 $(cat $KUBELET/$1.pid) 2>/dev/null; do sleep 0.05; done
    rm -f $KUBELET/$1.pid
}
echo ready
static=none
while :; do
    found=$(cat $manifest 2>/dev/null | sha256sum)
    if [ "$found" != "$static" ]; then
        end static
        if [ -e $manifest ]; then start static $manifest; fi
        static=$found
    fi
    if [ -e $KUBELET/delete ]; then end set; rm -f $KUBELET/delete; fi
    if [ -e $KUBELET/wanted ]; then
        if [ ! -e $KUBELET/set.pid ]; then start set $KUBELET/wanted; fi
    else
        end set
    fi
    sleep 0.2
done
"#;

/// kubectl, as far as a rollout needs it for pods. The objects of others are somebody else's.
const KUBECTL: &str = r#"
enter() { nsenter --target "$(pid "$1")" --net --mount --pid -- sh -c "$2"; }
push() {
    for file in $CLUSTER/DaemonSet/*; do
        [ -e "$file" ] || continue
        node=${file##*/keepalived-}
        enter "$node" "mkdir -p $KUBELET; cp $file $KUBELET/wanted.new; mv $KUBELET/wanted.new $KUBELET/wanted"
    done
}
case "$1 $2" in
"apply -f")
    file=$3
    if [ "$file" = - ]; then file=$CLUSTER/stdin; cat >"$file"; fi
    $LAB objects "$file" $CLUSTER && push
    ;;
"apply -k")
    for file in "$3"/keepalived/*.yaml "$3"/keepalived/nodes/*.yaml; do
        if [ -e "$file" ]; then $LAB objects "$file" $CLUSTER; fi
    done
    push
    ;;
"exec "*)
    container= node=
    while [ "$1" != -- ]; do
        case $1 in
        --container) container=$2; shift ;;
        daemonset/*) node=${1#daemonset/keepalived-} ;;
        esac
        shift
    done
    shift
    export container
    # With the rights of the container, as kubectl has it.
    exec nsenter --target "$(pid "$node")" --net --mount --pid -- sh -c '
        place=$KUBELET/set
        main=$(cat $place/$container.pid) && process=$(tr -d " " <"/proc/$main/task/$main/children") && [ -n "$process" ] || exit 1
        bounding=$(sed -n "s/.*--bounding-set=\([^ ]*\) .*/\1/p" $KUBELET/set.sh | head -n 1)
        exec nsenter --target "$process" --mount --pid --root --wd -- env LBGEN_FORM=daemonset setpriv --bounding-set="$bounding" --no-new-privs "$@"' sh "$@"
    ;;
"delete pods")
    node=${*##*lbgen.dev/node=}
    enter "${node%% *}" "touch $KUBELET/delete; while [ -e $KUBELET/delete ]; do sleep 0.1; done"
    ;;
"delete daemonset")
    node=${3#keepalived-}
    if [ -e $CLUSTER/DaemonSet/$3 ]; then
        rm -f $CLUSTER/DaemonSet/$3
        enter "$node" "rm -f $KUBELET/wanted; while [ -e $KUBELET/set.pid ]; do sleep 0.1; done"
    fi
    ;;
"delete configmap") rm -rf $CLUSTER/ConfigMap/$3 ;;
"delete configmap/"*) rm -rf $CLUSTER/ConfigMap/${2#configmap/} ;;
"get pods,daemonsets")
    for file in $CLUSTER/DaemonSet/*; do
        [ -e "$file" ] || continue
        cat "$file"
        enter "${file##*/keepalived-}" "cat $KUBELET/set.yaml 2>/dev/null" || true
    done | sed -n '/configMap:/{n;s/.*name: //p;}' | tr '\n' ' '
    ;;
"get configmaps") for folder in $CLUSTER/ConfigMap/keepalived-*; do [ -d "$folder" ] && echo "configmap/${folder##*/}"; done ;;
esac
"#;

/// The root file system of an image that a builder has made (tests/lab/image).
fn image() -> Option<PathBuf> {
    std::env::var_os("LBGEN_IMAGE_ROOT").map(PathBuf::from)
}

/// The release that pods run.
pub fn version() -> KeepalivedVersion {
    if image().is_some() { KeepalivedVersion::IN_IMAGE } else { release::version() }
}

/// The programs of the image, in a folder, which go over the root file system of this machine.
fn programs() -> PathBuf {
    let own = std::env::current_exe().expect("this program has a path");
    let folder = own.with_file_name("keepalived-image");
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let put = |from: &str, to: &str| {
        let to = folder.join(to);
        let home = to.parent().expect("a folder");
        fs::create_dir_all(home).expect("a folder");
        // By a rename: other pods read it.
        let new = tempfile::NamedTempFile::new_in(home).expect("a file").into_temp_path();
        fs::copy(root.join(from), &new).expect("a program");
        fs::set_permissions(&new, PermissionsExt::from_mode(0o755)).expect("a mode");
        new.persist(to).expect("a rename");
    };
    put("packaging/keepalived/pod", "libexec/lbgen/pod");
    put("templates/loaded", "libexec/lbgen/loaded");
    put("templates/check-entrypoint", "libexec/lbgen/check-entrypoint");
    put("packaging/keepalived/lbgen-policy-routing", "sbin/lbgen-policy-routing");
    folder
}

/// Prints the script of a pod: MANIFEST NAME CLUSTER.
pub fn print_pod(arguments: &[String]) {
    let [manifest, name, cluster] = arguments else { panic!("MANIFEST NAME CLUSTER") };
    let text = fs::read_to_string(manifest).expect("a manifest");
    let image = image();
    let programs = image.is_none().then(programs);
    let root = image.unwrap_or("/".into());
    let config_maps = Path::new(cluster).join("ConfigMap");
    let sources = Sources { root: &root, programs: programs.as_deref(), config_maps: &config_maps };
    print!("{}", pod::script(&text, name, &sources));
}

/// Keeps the objects of a file as the API server does: ConfigMaps as folders, everything else as it is. FILE CLUSTER.
pub fn keep_objects(arguments: &[String]) {
    let [file, cluster] = arguments else { panic!("FILE CLUSTER") };
    let text = fs::read_to_string(file).expect("a file");
    let documents: Vec<Value> = serde_saphyr::from_multiple(&text).expect("manifests");
    for object in documents {
        let text = |path: &str| object.pointer(path).and_then(Value::as_str).expect("a text");
        let at = Path::new(cluster).join(text("/kind")).join(text("/metadata/name"));
        fs::create_dir_all(at.parent().expect("a folder")).expect("a folder");
        if text("/kind") == "ConfigMap" {
            let _ = fs::create_dir(&at);
            for (key, value) in object["data"].as_object().into_iter().flatten() {
                fs::write(at.join(key), value.as_str().expect("a text")).expect("a file");
            }
        } else {
            fs::write(at, lbgen::emit::document(&object).expect("a document")).expect("a file");
        }
    }
}

/// `LBGEN_KUBECTL` of a lab, with the objects of its cluster below `folder`.
pub fn kubectl(folder: &Path, lab: &Lab) {
    let cases: String = lab
        .nodes
        .iter()
        .map(|(name, node)| format!("{name}) echo {} ;;\n", node.host.pid()))
        .collect();
    let cluster = lab.cluster();
    fs::create_dir_all(&cluster).expect("a folder");
    let text = format!(
        "#!/bin/sh\nexport KUBELET={KUBELET}\nLAB={}\nCLUSTER={}\npid() {{ case $1 in\n{cases}esac; }}\n{KUBECTL}",
        agent().display(),
        cluster.display()
    );
    let path = folder.join("kubectl");
    fs::write(&path, text).expect("a file");
    fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).expect("a mode");
    for node in lab.nodes.values() {
        node.kubelet(&cluster);
    }
}

impl Node {
    /// Starts the kubelet, which knows the objects below a folder.
    pub fn kubelet(&self, cluster: &Path) {
        // It runs already.
        if self.host.sh(&format!("test -e {KUBELET}/ready")).status.success() {
            return;
        }
        let (lab, cluster) = (agent().display(), cluster.display());
        self.host.serve(&format!(
            "mkdir -p {KUBELET}; : >{KUBELET}/ready\nLAB={lab} CLUSTER={cluster} KUBELET={KUBELET}\n{LOOP}"
        ));
    }

    /// Runs a script in the container beside keepalived, as a rollout does.
    pub fn inside(&self, script: &str) -> Output {
        self.host.sh(&format!(
            r#"
            for place in {KUBELET}/set {KUBELET}/static; do
                if [ ! -e $place/guard.pid ]; then continue; fi
                main=$(cat $place/guard.pid)
                exec nsenter --target "$(tr -d ' ' <"/proc/$main/task/$main/children")" --mount --pid --root --wd -- sh -c '{script}'
            done
            exit 1"#
        ))
    }

    /// Kills every process of a container at one moment, as the kernel and runtimes do.
    pub fn kill_container(&self, pod: &str, container: &str) {
        self.host.run(&format!(
            r#"
            main=$(cat {KUBELET}/{pod}/{container}.pid)
            process=$(tr -d ' ' <"/proc/$main/task/$main/children")
            namespace=$(readlink /proc/$process/ns/mnt)
            all=
            for found in /proc/[0-9]*; do
                if [ "$(readlink $found/ns/mnt 2>/dev/null)" = "$namespace" ]; then all="$all ${{found#/proc/}}"; fi
            done
            # Some of them live for a moment only.
            kill -KILL $all 2>/dev/null || true
            "#
        ));
    }
}
