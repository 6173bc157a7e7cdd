//! `uniffi-bindgen`, of exactly the version that the bindings are made with.

fn main() {
    uniffi::uniffi_bindgen_main();
}
