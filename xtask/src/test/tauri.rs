//! The plugin for Tauri, in an app of its own: hundreds of crates, and libraries that nothing else
//! here needs.

use crate::build;
use crate::install;
use crate::process::Run;
use crate::report::Report;
use crate::workspace::Workspace;

/// The libraries of windows, for Debian and its like: `pkg-config` name and package.
const LIBRARIES: &[(&str, &str)] =
    &[("webkit2gtk-4.1", "libwebkit2gtk-4.1-dev"), ("gtk+-3.0", "libgtk-3-dev")];

/// Makes the machine able to run the steps.
pub(crate) fn setup() -> anyhow::Result<()> {
    build::npm::setup()?;
    let known = |library: &str| Run::new("pkg-config").args(["--exists", library]).run().is_ok();
    if cfg!(not(target_os = "linux")) || LIBRARIES.iter().all(|(library, _)| known(library)) {
        return Ok(());
    }
    let mut packages: Vec<_> = LIBRARIES.iter().map(|(_, package)| (*package).to_owned()).collect();
    packages.extend(["pkg-config", "xauth", "xvfb"].map(str::to_owned));
    let pattern = format!("^({})$", packages.join("|"));
    install::apt("WebKitGTK's libraries", &pattern, |all| {
        packages.iter().all(|package| all.contains(package)).then(|| packages.clone())
    })
}

/// Runs the steps of the part `tauri`.
pub(crate) fn steps(workspace: &Workspace, report: &mut Report) {
    let target = workspace.target_for("tauri");
    let cargo = |args: &[&str]| {
        let manifest = workspace.root().join("bindings-ffi/tauri/Cargo.toml");
        let (command, rest) = args.split_at(1);
        let run = Run::cargo().args(command).arg("--manifest-path").arg(manifest).args(rest);
        run.env("CARGO_TARGET_DIR", &target).run()
    };
    report.step("format", || cargo(&["fmt", "--check"]));
    report.step("lints", || cargo(&["clippy", "--all-targets", "--", "-D", "warnings"]));
    report.step("tests", || cargo(&["test"]));
    if report.step("package", || build::npm::build(workspace)).is_none() {
        report.skip(&["app"]);
        return;
    }
    report.step("app", || {
        let run = Run::new("node").arg("tests/tauri/run.mjs").dir(workspace.root());
        run.env("CARGO_TARGET_DIR", &target).run()
    });
}
