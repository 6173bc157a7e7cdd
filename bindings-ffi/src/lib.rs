//! Room for the Python wheel and the Kotlin jar: the core through uniffi. Nothing here yet.
